# SPDX-License-Identifier: GPL-2.0-only
"""Scans a text record by record and gathers the lines of each report."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct

from lazymmu.guests.findings.table import Row, Severity, WholeTable, whole_table

# Longer than any line of the kernel (PRINTK_MESSAGE_MAX in kernel/printk/internal.h). The scan ignores the rest of a
# line, so a flood without newlines cannot make its expressions slow.
_LONGEST_RECORD = 2_048
_LONGEST_TITLE = 200

_CODES = re.compile(r"\x1b\[[0-9;?]*+[ -/]*+[@-~]|\x1b[@-Z\\-_a-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# A level, a time, and a task or CPU (CONFIG_PRINTK_CALLER). Text before a time is another program's unfinished line.
_PREFIX = re.compile(r"(?:<\d{1,3}>)?\[ {0,8}\d{1,9}\.\d{6}\] ?(?:\[ *(?P<caller>[TC]\d{1,9})\] ?)?")
_LEVEL = re.compile(r"[\ufffd ]*+<\d{1,3}>|\ufffd+")

_OFFSET = re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?")
_ADDRESS = re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+~-]{1,64}/)++(?=[\w.-]+\.[chS]\b)")
# Smaller numbers stay in a title: they are offsets from a NULL pointer, exit codes and the like.
_SMALLEST_ADDRESS = 0x10000
# How many lines that no table describes may be between two lines of one report.
_LONGEST_GAP = 5


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


class Record(NamedTuple):
    """What printk() was given at once, or a line of another program."""

    #: The number of its line in the text, from 1. Two records are on one line if a newline was lost.
    number: int
    #: The record as printed, without terminal codes. A lost newline ends it, too.
    line: str
    #: The record without the prefix of printk().
    text: str
    #: The task or CPU that printed it, empty if the kernel does not say it; None if the record has no prefix.
    caller: str | None


def records(text: str, table: WholeTable) -> Iterator[Record]:
    """Return the records of a text."""
    for number, line in enumerate(text.split("\n"), start=1):
        clean = line if line.isprintable() else _CONTROL.sub("", _CODES.sub("", line))
        prefix = _PREFIX.search(clean)
        caller = (prefix["caller"] or "") if prefix else None
        start, begin = 0, found.end() if (found := prefix or _LEVEL.match(clean)) else 0
        while True:
            following = _PREFIX.search(clean, begin)
            end = following.start() if following else len(clean)
            for inner in table.anywhere.finditer(clean, begin + 1, end):
                until = inner.start()
                yield Record(number, clean[start:until], clean[begin:until][:_LONGEST_RECORD], caller)
                start, begin, caller = until, until, None
            yield Record(number, clean[start:end], clean[begin:end][:_LONGEST_RECORD], caller)
            if following is None:
                break
            start, begin, caller = end, following.end(), following["caller"] or ""


def findings_in(text: str, *, of_host: bool = False) -> tuple[Finding, ...]:
    """Return what went wrong according to a console or a kernel log, in the order of the text.

    `of_host` is for the standard error of QEMU and of what starts it: a guest may print the same lines, and is not
    dead. A panic after an oops is a finding of its own, after that of the oops. The function accepts any text, and
    takes time in proportion to its length.
    """
    reports: list[_Report] = []
    current: _Report | None = None
    table = whole_table(of_host=of_host)
    for record in records(text, table):
        row = table.row_of(record.text)
        if current is not None and current.add(row, record):
            continue
        current = None
        if row is not None and row.opens:
            current = _Report(table, row, record, row.stages[0], row.severity, row.fault, [record])
            reports.append(current)
    return tuple(report.finding() for report in reports if report.row.weight)


class _Report(Struct):
    """A report whose first lines have been scanned."""

    table: WholeTable
    #: The row that names the report, and the record that the row describes.
    row: Row
    record: Record
    stage: int
    severity: Severity
    fault: bool | None
    records: list[Record]
    #: How many of the records certainly belong to the report.
    certain: int = 1
    #: Whether the last line has come; only a dump can follow it.
    ended: bool = False

    def add(self, row: Row | None, record: Record) -> bool:
        """Add a record if it belongs to this report; `row` describes it. Return whether it does."""
        stage = None if row is None else self._stage_of(row, record)
        inside = bool(self.row.until) and not self.ended
        # The last line of a report may look like the first of another.
        if inside and re.match(self.row.until, record.text):
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
        elif not (self.row.everything or ((inside or self.row.tail) and self._continues(record))):
            if not inside and (self.ended or not self.row.tail or self._gap() == _LONGEST_GAP or self._repeats(record)):
                return False
            self.records.append(record)
            return True
        self.records.append(record)
        self.certain = len(self.records)
        return True

    def _gap(self) -> int:
        """Return how many records follow the last certain one."""
        return len(self.records) - self.certain

    def _continues(self, record: Record) -> bool:
        """Return whether a record says where the kernel was, in this report and not in another one."""
        if not self._gap():
            return self.table.is_dump(record.text)
        return (
            self._gap() <= _LONGEST_GAP
            and self.table.is_unmistakable(record.text)
            and record.caller == self.records[0].caller
            and not self._repeats(record)
        )

    def _repeats(self, record: Record) -> bool:
        """Return whether a record has what this report has, too, and has only once: it is of another report."""
        sort = next((sort for sort in self.table.once if sort.match(record.text)), None)
        return sort is not None and any(sort.match(known.text) for known in self.records[: self.certain])

    def _stage_of(self, row: Row, record: Record) -> int | None:
        """Return the stage of this report that a line of a row is; None if the line begins another report."""
        same = not self.ended and row.report and row.report == self.row.report
        if same and row.about:
            same = row.groups(record.text)[row.about] == self.row.groups(self.record.text)[row.about]
        if not same or (row.fault and self.fault is False):
            return None
        return next((stage for stage in row.stages if stage > self.stage), None)

    def finding(self) -> Finding:
        """Return the finding. If the last line is missing, its text ends where the dump ends."""
        end = self.certain
        while not self.records[end - 1].text.strip():
            end -= 1
        # Another CPU may have printed lines among those of the report.
        by_caller = sorted(self.records[:end], key=lambda record: record.caller != self.records[0].caller)
        function = next(filter(None, (self.table.function(record.text) for record in by_caller)), "")
        # A WARN() prints its message between "cut here" and the headline, maybe among lines of others.
        before = self.records[1 : self.records.index(self.record)]
        message = " ".join(record.text for record in before if record.caller == self.records[0].caller)
        title = self.row.title.format(
            **self.row.groups(self.record.text),
            line=self.record.text,
            where=f" in {function}" if function else "",
            message=f": {message}" if message else "",
        )
        lines = groupby(self.records[:end], key=lambda record: record.number)
        return Finding(
            kind=self.row.kind,
            title=" ".join((_without_addresses(title) if self.row.varies else title).split())[:_LONGEST_TITLE],
            severity=self.severity,
            text="\n".join("".join(record.line for record in line) for _, line in lines),
            line=self.records[0].number,
        )


def _without_addresses(title: str) -> str:
    def address(match: re.Match[str]) -> str:
        value = int(match[0], 16)
        return hex(value) if value < _SMALLEST_ADDRESS else "ADDRESS"

    return _FOLDER.sub("", _ADDRESS.sub(address, _OFFSET.sub("", title)))
