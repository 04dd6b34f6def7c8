# SPDX-License-Identifier: GPL-2.0-only
"""Every log of the corpus gives the findings of the document beside it, and every kind has a log."""

import re
from pathlib import Path

import pytest
from lazymmu.guests.findings.scan import findings_in, records
from lazymmu.guests.findings.table import tables, whole_table

from tests.unit.guests.findings.corpus import FOLDER, LOGS, expected, of_host, text

_LARGEST = 60_000


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_log_gives_its_findings_with_their_lines_as_printed(log: Path) -> None:
    # Terminal codes are on one line only, which belongs to no finding.
    printed = [line.rstrip("\r") for line in text(log).split("\n")]
    findings = findings_in(text(log), of_host=of_host(log))
    assert [
        {
            "kind": finding.kind,
            "title": finding.title,
            "severity": str(finding.severity),
            "line": finding.line,
            "lines": finding.text.count("\n") + 1,
        }
        for finding in findings
    ] == expected(log)["findings"]
    for finding in findings:
        first, *rest = finding.text.split("\n")
        assert printed[finding.line - 1].endswith(first[-40:])
        assert rest == printed[finding.line : finding.line + len(rest)]


def test_no_line_is_described_by_two_tables() -> None:
    rows = [(file, row) for file, table in tables().items() for row in table.rows if not row.fallback]
    for log in LOGS:
        for record in records(text(log), whole_table()):
            if whole_table().row_of(record.text):
                line = record.text.lstrip()
                assert len({file for file, row in rows if re.match(row.expression, line)}) <= 1, line


def test_every_kind_has_a_log() -> None:
    kinds = {row.kind for row in whole_table(of_host=True).rows if row.weight}
    assert kinds == {finding["kind"] for log in LOGS for finding in expected(log)["findings"]}
    assert len(kinds) >= 30


def test_every_architecture_has_logs_of_its_own_guests() -> None:
    real = [log.stem for log in LOGS if expected(log)["source"] == "guest"]
    for arch in ("arm64", "s390x", "x86_64"):
        assert len([name for name in real if name.endswith(f"-{arch}")]) >= 20


def test_every_log_is_small_and_has_a_document_with_its_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {log.stem for log in LOGS}
    for log in LOGS:
        assert expected(log)["source"] == ("written" if log.name.startswith("written-") else "guest")
        assert log.stat().st_size <= _LARGEST
