# SPDX-License-Identifier: GPL-2.0-only
"""One row of the table: a line that begins a report of trouble, or says more about one that has begun."""

from __future__ import annotations

from msgspec import Struct

from lazymmu.guests.findings.finding import Severity


class Extent(Struct, frozen=True):
    """How far the text of a finding goes. It always ends where another finding begins."""

    #: The line that ends it, a regular expression for its start. Where it never comes, or without one, the text goes
    #: on as long as lines look like registers, stacks and the like.
    until: str = ""
    #: Whether such lines after the last one belong to it, too.
    tail: bool = True
    #: Whether every line belongs to it, whatever it looks like.
    everything: bool = False


#: One line only.
LINE = Extent(until=r"", tail=False)
#: As long as lines look like a dump.
DUMP = Extent()
#: What the kernel frames by "cut here" and "end trace"; x86 prints the registers once more behind it.
TRACE = Extent(until=r"---\[ end trace ")
#: What ends with a line of equal signs.
RULED = Extent(until=r"={20,}", tail=False)
#: What goes to the end of the text.
REST = Extent(everything=True)


class Row(Struct, frozen=True):
    """A line that the table knows."""

    kind: str
    #: Regular expression for the start of the line, behind the kernel's prefix; it holds no groups but named ones.
    begins: str
    #: Title; fields are the groups of `begins`, `{line}` (the whole line), `{where}` (" in FUNCTION", from the
    #: registers) and `{message}` (": TEXT", what a WARN() was given).
    title: str
    severity: Severity = Severity.ERROR
    extent: Extent = DUMP
    #: Name of the sort of report it is a line of. One report may have several such lines, in ascending stages; a line
    #: of the same or an earlier stage begins another report. Without a name, a line is a report.
    report: str = ""
    #: The stages at which it may stand.
    stages: tuple[int, ...] = (1,)
    #: The line of the greatest weight gives the finding its kind, title, severity and extent; the first of equal ones.
    #: A finding whose lines all have weight 0 is none.
    weight: int = 2
    #: Whether addresses and folders in the title change from run to run.
    varies: bool = True
    #: Whether it can begin a report.
    opens: bool = True
    #: True for a CPU fault or a BUG(). False if the kernel continues after the report: a fault inside it begins another
    #: report. None if either can follow.
    fault: bool | None = None
