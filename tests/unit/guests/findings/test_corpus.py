# SPDX-License-Identifier: GPL-2.0-only
"""Every log of the corpus gives the findings that stand beside it, and every kind has a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import whole_table

from tests.unit.guests.findings.corpus import FOLDER, LOGS, Expected, document, expected, text

_LARGEST = 60_000


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_log_gives_its_findings(log: Path) -> None:
    found = findings_in(text(log))
    assert [
        Expected(
            kind=finding.kind,
            title=finding.title,
            severity=str(finding.severity),
            line=finding.line,
            lines=finding.text.count("\n") + 1,
        )
        for finding in found
    ] == expected(log)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_finding_holds_its_lines_as_printed(log: Path) -> None:
    # Terminal codes stand in one log only, on a line of no finding.
    printed = [line.removesuffix("\r") for line in text(log).split("\n")]
    for finding in findings_in(text(log)):
        begin = finding.line - 1
        lines = finding.text.split("\n")
        assert lines[1:] == printed[begin + 1 : begin + len(lines)]
        assert printed[begin].endswith(lines[0][-40:])


def test_every_kind_has_a_log_and_there_are_thirty() -> None:
    kinds = {row.kind for row in whole_table().rows if row.weight}
    assert kinds == {entry.kind for log in LOGS for entry in expected(log)}
    assert len(kinds) >= 30


def test_every_architecture_has_logs_of_its_own_guests() -> None:
    real = [log.stem for log in LOGS if document(log)["source"] == "guest"]
    for arch in ("arm64", "s390x", "x86_64"):
        assert len([name for name in real if name.endswith(f"-{arch}")]) >= 20


def test_every_log_has_a_document_that_tells_its_source_and_is_small() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {log.stem for log in LOGS}
    for log in LOGS:
        assert document(log)["source"] == ("written" if log.name.startswith("written-") else "guest")
        assert log.stat().st_size <= _LARGEST
