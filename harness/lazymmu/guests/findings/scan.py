# SPDX-License-Identifier: GPL-2.0-only
"""Scans a text line by line and gathers the lines of each report."""

import re
from collections.abc import Iterator

from msgspec import Struct

from lazymmu.guests.findings.table import Row, Severity, whole_table

# Longer than any line of the kernel (PRINTK_MESSAGE_MAX in kernel/printk/internal.h). The scan ignores the rest of a
# line, so a flood without newlines cannot make its expressions slow.
_LONGEST_RECORD = 2_048
_LONGEST_TITLE = 200

_CODES = re.compile(r"\x1b\[[0-9;?]*+[ -/]*+[@-~]|\x1b[@-Z\\-_a-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# A level, a time, and a task or CPU (CONFIG_PRINTK_CALLER). Text before a time is another program's unfinished line.
_PREFIX = re.compile(r"(?:<\d{1,3}>)?\[ {0,8}\d{1,9}\.\d{6}\] ?(?:\[ *[TC]\d{1,9}\] ?)?")
_LEVEL = re.compile(r"[\ufffd ]*+<\d{1,3}>|\ufffd+")

_OFFSET = re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")
_ADDRESS = re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+~-]{1,64}/)++(?=[\w.-]+\.[chS]\b)")
# Smaller numbers stay in a title: they are offsets from a NULL pointer, exit codes and the like.
_SMALLEST_ADDRESS = 0x10000


class Finding(Struct, frozen=True):
    """One thing that went wrong, with all lines about it."""

    #: The sort of trouble for programs, as "soft-lockup". Kinds are stable.
    kind: str
    #: One line for a person. It leaves out addresses, process ids and offsets, which differ between runs.
    title: str
    severity: Severity
    #: All lines of the report as printed, without control characters.
    text: str
    #: Number of its first line in the text, from 1.
    line: int


def lines_and_records(text: str) -> Iterator[tuple[str, str]]:
    """Return each line without terminal codes, and its record: what printk() was given, without the prefix."""
    for line in text.split("\n"):
        clean = line if line.isprintable() else _CONTROL.sub("", _CODES.sub("", line))
        prefix = _PREFIX.search(clean) or _LEVEL.match(clean)
        begin = prefix.end() if prefix else 0
        yield clean, clean[begin : begin + _LONGEST_RECORD]


def findings_in(text: str) -> tuple[Finding, ...]:
    """Return what went wrong according to a console, a kernel log or QEMU's standard error, in the order of the text.

    A panic after an oops is a finding of its own, after that of the oops. The function accepts any text, and takes time
    in proportion to its length.
    """
    reports: list[_Report] = []
    current: _Report | None = None
    row_of = whole_table().row_of
    for number, (line, record) in enumerate(lines_and_records(text), start=1):
        row = row_of(record) if record else None
        if current is not None and current.add(row, line, record):
            continue
        current = None
        if row is not None and row.opens:
            current = _Report(number, row, record, row.stages[0], row.severity, row.fault, [(line, record)])
            reports.append(current)
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
    #: Whether the last line has come; only a dump can follow it.
    ended: bool = False

    def add(self, row: Row | None, line: str, record: str) -> bool:
        """Add a line if it belongs to this report; `row` describes it. Return whether it does."""
        stage = None if row is None else self._stage_of(row)
        # The last line of a report may look like the first of another.
        if self.row.until and not self.ended and re.match(self.row.until, record):
            self.ended = True
        elif row is not None and stage is not None:
            self.stage = stage
            self.fault = self.fault if row.fault is None else row.fault
            if row.weight > self.row.weight:
                self.row, self.record, self.severity = row, record, row.severity
            else:
                self.severity = max(self.severity, row.severity, key=list(Severity).index)
        elif row is not None and row.opens:
            return False
        elif self.row.until and not self.ended:
            self.lines.append((line, record))
            return True
        elif not (self.row.everything or (self.row.tail and whole_table().is_dump(record))):
            return False
        self.lines.append((line, record))
        self.certain = len(self.lines)
        return True

    def _stage_of(self, row: Row) -> int | None:
        """Return the stage of this report that a line of a row is; None if the line begins another report."""
        same = not self.ended and row.report and row.report == self.row.report
        if not same or (row.fault and self.fault is False):
            return None
        return next((stage for stage in row.stages if stage > self.stage), None)

    def finding(self) -> Finding:
        """Return the finding. If the last line is missing, its text ends where the dump ends."""
        table = whole_table()
        end = self.certain
        while end < len(self.lines) and table.is_dump(self.lines[end][1]):
            end += 1
        while not self.lines[end - 1][1].strip():
            end -= 1
        records = [record for _, record in self.lines[:end]]
        match = re.match(self.row.expression, self.record)
        function = next(filter(None, map(table.function, records)), "")
        # A WARN() prints its message between "cut here" and the headline.
        message = " ".join(records[1 : records.index(self.record)])
        title = self.row.title.format(
            **{name: value or "" for name, value in match.groupdict().items()} if match else {},
            line=self.record,
            where=f" in {function}" if function else "",
            message=f": {message}" if message else "",
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
