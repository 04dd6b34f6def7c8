# SPDX-License-Identifier: GPL-2.0-only
"""Goes through a text once, line by line, and gathers the lines of each report."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct, field

from lazymmu.guests.findings import kernel, qemu, traps
from lazymmu.guests.findings.dump import is_dump, where
from lazymmu.guests.findings.finding import Finding, Severity
from lazymmu.guests.findings.lines import lines
from lazymmu.guests.findings.row import Row

_ROWS: tuple[Row, ...] = (*traps.ROWS, *kernel.ROWS, *qemu.ROWS)
_GROUP_NAME = re.compile(r"\(\?P<\w+>")


class _Compiled(Struct, frozen=True):
    """The table, ready for use: one expression that tells the row, and each row's own with its groups."""

    any: re.Pattern[str]
    own: tuple[re.Pattern[str], ...]
    until: tuple[re.Pattern[str] | None, ...]


@cache
def _table() -> _Compiled:
    # Once, and only when there is a text to be searched: it takes longer than all else at the start of a run.
    alternatives = (f"(?P<r{n}>{_GROUP_NAME.sub('(?:', row.begins)})" for n, row in enumerate(_ROWS))
    return _Compiled(
        any=re.compile("|".join(alternatives)),
        own=tuple(re.compile(row.begins) for row in _ROWS),
        until=tuple(re.compile(row.extent.until) if row.extent.until else None for row in _ROWS),
    )


_LONGEST_TITLE = 200
_OFFSET = re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")
_ADDRESS = re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+~-]{1,64}/)++(?=[\w.-]+\.[chS]\b)")
# Addresses below are offsets from a NULL pointer, exit codes and the like, which tell something.
_SMALL = 0x10000


def _address(found: re.Match[str]) -> str:
    value = int(found[0], 16)
    return hex(value) if value < _SMALL else "ADDRESS"


def _tidy(title: str) -> str:
    """Return a title without what changes from run to run."""
    return _one_line(_FOLDER.sub("", _ADDRESS.sub(_address, _OFFSET.sub("", title))))


def _one_line(title: str) -> str:
    return " ".join(title.split())[:_LONGEST_TITLE]


class _Report(Struct):
    """A report that has begun; its lines come one after the other."""

    line: int
    #: Index of the row that gives it its name, and what that row's line was.
    row: int
    record: str
    stage: int
    severity: Severity
    #: Whether it is about a CPU fault; None if no line has said so yet.
    fault: bool | None
    lines: list[tuple[str, str]] = field(default_factory=list)
    #: How many of the lines belong to it for certain.
    certain: int = 1
    ended: bool = False

    def sort(self) -> Row:
        return _ROWS[self.row]

    def take(self, line: str, record: str) -> bool:
        """Take a line that is no row of the table; return whether the report goes on behind it."""
        until = _table().until[self.row]
        if not self.ended and until is not None and until.match(record):
            self._take_for_certain(line, record)
            self.ended = True
            return self.sort().extent.tail
        extent = self.sort().extent
        if self.ended or (until is None and not extent.everything):
            if not extent.tail or not is_dump(record):
                return False
            self._take_for_certain(line, record)
            return True
        self.lines.append((line, record))
        if extent.everything:
            self.certain = len(self.lines)
        return True

    def _take_for_certain(self, line: str, record: str) -> None:
        self.lines.append((line, record))
        self.certain = len(self.lines)

    def next_stage(self, row: Row) -> int | None:
        """Return the stage of this report that a line of that row is, None when it begins another."""
        if self.ended or not row.report or row.report != self.sort().report:
            return None
        if row.fault and self.fault is False:
            return None
        return next((stage for stage in row.stages if stage > self.stage), None)

    def goes_on(self, row: int, stage: int, line: str, record: str) -> None:
        """Take a line of the table that says more about the same thing."""
        self.stage = stage
        self._take_for_certain(line, record)
        new = _ROWS[row]
        self.fault = self.fault if new.fault is None else new.fault
        if new.weight > self.sort().weight:
            self.row, self.record, self.severity = row, record, new.severity
        else:
            self.severity = max(self.severity, new.severity, key=list(Severity).index)

    def finding(self) -> Finding | None:
        """Return the finding, None when no line said what it is."""
        row = self.sort()
        if not row.weight:
            return None
        # Without its last line, it goes as far as its lines look like a report.
        while self.certain < len(self.lines) and is_dump(self.lines[self.certain][1]):
            self.certain += 1
        kept = self.lines[: self.certain]
        while not kept[-1][1].strip():
            kept.pop()
        found = _table().own[self.row].match(self.record)
        groups = {name: value or "" for name, value in found.groupdict().items()} if found else {}
        place = next((name for _, record in kept if (name := where(record))), "")
        title = row.title.format(
            **groups,
            line=self.record,
            where=f" in {place}" if place else "",
            message=self._message(),
        )
        return Finding(
            kind=row.kind,
            title=_tidy(title) if row.varies else _one_line(title),
            severity=self.severity,
            text="\n".join(line for line, _ in kept),
            line=self.line,
        )

    def _message(self) -> str:
        """Return what stands between the line that opens the report and its headline."""
        before = [record for _, record in self.lines[: self.certain]]
        said = before[1 : before.index(self.record)]
        return f": {' '.join(said)}" if said else ""


def findings_in(text: str) -> tuple[Finding, ...]:
    """Return what went wrong according to a console, a kernel log or QEMU's standard error, in the order of the text.

    A panic that an oops led to is a finding of its own, behind that of the oops. Any text will do: it never raises,
    and takes time in proportion to the text's length.
    """
    found: list[_Report] = []
    current: _Report | None = None
    table = _table()
    for number, (line, record) in enumerate(lines(text), start=1):
        match = table.any.match(record) if record else None
        # A line that ends a report may look like one that begins another.
        if current is not None and (match is None or _ends(current, record)):
            if not current.take(line, record):
                current = None
            continue
        if match is None:
            continue
        index = int(str(match.lastgroup)[1:])
        row = _ROWS[index]
        stage = current.next_stage(row) if current is not None else None
        if current is not None and stage is not None:
            current.goes_on(index, stage, line, record)
        elif row.opens:
            current = _Report(number, index, record, row.stages[0], row.severity, row.fault, [(line, record)])
            found.append(current)
        elif current is not None and not current.take(line, record):
            current = None
    return tuple(finding for report in found if (finding := report.finding()) is not None)


def _ends(report: _Report, record: str) -> bool:
    until = _table().until[report.row]
    return until is not None and not report.ended and until.match(record) is not None
