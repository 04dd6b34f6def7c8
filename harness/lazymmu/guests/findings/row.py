# SPDX-License-Identifier: GPL-2.0-only
"""A row of a table: a line that begins a report of trouble, or that says more about the report before it."""

from msgspec import Struct

from lazymmu.guests.findings.finding import Severity


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A line that a table describes. With `like: NAME` in a file, its other fields are those of that preset."""

    kind: str
    #: Regular expression for the start of the record. Its groups must be named.
    begins: str
    #: The finding's title. It may hold the groups of `begins`, `{line}` for the whole line, `{where}` for " in
    #: FUNCTION" from the registers, and `{message}` for ": TEXT" from a WARN().
    title: str
    #: Regular expression for what is before `begins`.
    prefix: str = ""
    severity: Severity = Severity.ERROR
    #: Regular expression for the start of the report's last line. Without one, or if that line is missing, the report
    #: ends at the first line that no table's `dump` describes. A report always ends where another begins.
    until: str = ""
    #: Whether lines of a dump after the last line belong to the report, too.
    tail: bool = True
    #: Whether all following lines belong to the report.
    everything: bool = False
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

    @property
    def expression(self) -> str:
        """The regular expression for the start of the record."""
        return self.prefix + self.begins
