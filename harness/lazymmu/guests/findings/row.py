# SPDX-License-Identifier: GPL-2.0-only
"""A row of a table: a line that begins a report of trouble, or that says more about the report before it."""

from functools import partial

from msgspec import Struct

from lazymmu.guests.findings.finding import Severity


class Extent(Struct, frozen=True):
    """How far the text of a finding reaches. It always ends where another finding begins."""

    #: Regular expression for the start of the report's last line. Without one, or if that line is missing, the report
    #: ends at the first line that no table's DUMP describes.
    until: str = ""
    #: Whether DUMP lines after the last line belong to the report, too.
    tail: bool = True
    #: Whether all following lines belong to the report.
    everything: bool = False


#: A single line.
LINE = Extent(tail=False)
#: The line and the dump after it.
DUMP = Extent()
#: From "cut here" to "end trace". x86 prints the registers once more after it.
TRACE = Extent(until=r"---\[ end trace ")
#: Up to a line of equal signs.
RULED = Extent(until=r"={20,}", tail=False)
#: Up to the end of the text.
REST = Extent(everything=True)


class Row(Struct, frozen=True):
    """A line that a table describes."""

    kind: str
    #: Regular expression for the start of the record. Its groups must be named.
    begins: str
    #: The finding's title. It may hold the groups of `begins`, `{line}` for the whole line, `{where}` for " in
    #: FUNCTION" from the registers, and `{message}` for ": TEXT" from a WARN().
    title: str
    severity: Severity = Severity.ERROR
    extent: Extent = DUMP
    #: The sort of report that the line belongs to. The lines of one report have ascending stages; a line of the same
    #: or an earlier stage begins another report. A row without a sort is a report of its own.
    report: str = ""
    #: The stages at which the line may appear.
    stages: tuple[int, ...] = (1,)
    #: The line with the largest weight, the first of equals, gives the finding its kind, title and extent. A report
    #: whose lines all weigh 0 is not a finding.
    weight: int = 2
    #: Whether the title loses addresses and folders, which differ between runs.
    varies: bool = True
    #: Whether the line can begin a report.
    opens: bool = True
    #: True for a CPU fault or a BUG(). False if the kernel continues after the report: a fault inside it begins another
    #: report. None if either can follow.
    fault: bool | None = None
    #: Whether the row counts only if no other row describes the line.
    fallback: bool = False


# A trap is an oops, a BUG(), a WARN() or a sanitizer's report. Its stages: -1 a line of equal signs, 0 a message before
# "cut here", 1 "cut here", 2 a message after it, 3 the headline, 4 details of the headline, 5 the line of die().
trap = partial(Row, report="trap", extent=TRACE)
message = partial(trap, stages=(0, 2), weight=5)
headline = partial(trap, stages=(3,), weight=4, fault=True)
deadly = partial(headline, severity=Severity.FATAL)
die = partial(trap, stages=(5,), fault=True)
null_dereference = partial(headline, "null-dereference", title="NULL pointer dereference at {address}{where}")
