# SPDX-License-Identifier: GPL-2.0-only
"""Scans a text line by line and gathers the lines of each report."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from lazymmu.guests.findings.finding import Finding, Severity
from lazymmu.guests.findings.records import lines_and_records
from lazymmu.guests.findings.row import Row
from lazymmu.guests.findings.table import whole_table

_LONGEST_TITLE = 200
_OFFSET = re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")
_ADDRESS = re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+~-]{1,64}/)++(?=[\w.-]+\.[chS]\b)")
# Smaller numbers stay in a title: they are offsets from a NULL pointer, exit codes and the like.
_SMALLEST_ADDRESS = 0x10000

_pattern = cache(re.compile)


def findings_in(text: str) -> tuple[Finding, ...]:
    """Return what went wrong according to a console, a kernel log or QEMU's standard error, in the order of the text.

    A panic after an oops is a finding of its own, after that of the oops. The function accepts any text, and takes time
    in proportion to its length.
    """
    reports: list[_Report] = []
    current: _Report | None = None
    table = whole_table()
    for number, (line, record) in enumerate(lines_and_records(text), start=1):
        row = table.row_of(record) if record else None
        # The last line of a report may look like the first of another.
        if row is not None and not (current is not None and current.ends_with(record)):
            stage = current.stage_of(row) if current is not None else None
            if current is not None and stage is not None:
                current.add_row(row, stage, line, record)
                continue
            if row.opens:
                current = _Report(number, row, record, row.stages[0], row.severity, row.fault, [(line, record)])
                reports.append(current)
                continue
        if current is not None and not current.add_other(line, record):
            current = None
    return tuple(report.finding() for report in reports if report.row.weight)


class _Report(Struct):
    """A report whose first lines have been scanned."""

    line: int
    #: The row that names the report, and the record that the row describes.
    row: Row
    record: str
    stage: int
    severity: Severity
    fault: bool | None
    #: Each line with its record.
    lines: list[tuple[str, str]]
    #: How many of the lines certainly belong to the report.
    certain: int = 1
    ended: bool = False

    def ends_with(self, record: str) -> bool:
        """Return whether a record is the last line of this report."""
        until = self.row.extent.until
        return bool(until) and not self.ended and _pattern(until).match(record) is not None

    def stage_of(self, row: Row) -> int | None:
        """Return the stage of this report that a line of a row is; None if the line begins another report."""
        same = not self.ended and row.report and row.report == self.row.report
        if not same or (row.fault and self.fault is False):
            return None
        return next((stage for stage in row.stages if stage > self.stage), None)

    def add_row(self, row: Row, stage: int, line: str, record: str) -> None:
        """Add a line that a row describes."""
        self._add(line, record)
        self.stage = stage
        self.fault = self.fault if row.fault is None else row.fault
        if row.weight > self.row.weight:
            self.row, self.record, self.severity = row, record, row.severity
        else:
            self.severity = max(self.severity, row.severity, key=list(Severity).index)

    def add_other(self, line: str, record: str) -> bool:
        """Add a line that no row describes, if it belongs here; return whether the report can continue after it."""
        extent = self.row.extent
        if self.ends_with(record):
            self._add(line, record)
            self.ended = True
            return extent.tail
        if extent.until and not self.ended:
            self.lines.append((line, record))
            return True
        if extent.everything or (extent.tail and whole_table().is_dump(record)):
            self._add(line, record)
            return True
        return False

    def _add(self, line: str, record: str) -> None:
        self.lines.append((line, record))
        self.certain = len(self.lines)

    def finding(self) -> Finding:
        """Return the finding. If the last line is missing, its text ends where the dump ends."""
        table = whole_table()
        end = self.certain
        while end < len(self.lines) and table.is_dump(self.lines[end][1]):
            end += 1
        while not self.lines[end - 1][1].strip():
            end -= 1
        records = [record for _, record in self.lines[:end]]
        match = _pattern(self.row.begins).match(self.record)
        function = next(filter(None, map(table.function, records)), "")
        # A WARN() prints its message between "cut here" and the headline.
        message = records[1 : records.index(self.record)]
        title = self.row.title.format(
            **{name: value or "" for name, value in match.groupdict().items()} if match else {},
            line=self.record,
            where=f" in {function}" if function else "",
            message=f": {' '.join(message)}" if message else "",
        )
        return Finding(
            kind=self.row.kind,
            title=" ".join((_without_addresses(title) if self.row.varies else title).split())[:_LONGEST_TITLE],
            severity=self.severity,
            text="\n".join(line for line, _ in self.lines[:end]),
            line=self.line,
        )


def _without_addresses(title: str) -> str:
    def address(match: re.Match[str]) -> str:
        value = int(match[0], 16)
        return hex(value) if value < _SMALLEST_ADDRESS else "ADDRESS"

    return _FOLDER.sub("", _ADDRESS.sub(address, _OFFSET.sub("", title)))
