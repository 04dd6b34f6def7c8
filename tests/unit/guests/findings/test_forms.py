# SPDX-License-Identifier: GPL-2.0-only
"""Each form of a message in forms.yaml gives its findings, and foreign lines in a real log change no title."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from lazymmu.guests.findings.scan import findings_in
from lazymmu.support.project import ROOT

from tests.unit.guests.findings.corpus import LOGS, loaded, of_host, text

FORMS = loaded(ROOT / "tests" / "unit" / "guests" / "findings" / "forms.yaml")
GUESTS = [log for log in LOGS if not log.name.startswith("written-") and not of_host(log)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
def test_a_form_gives_its_findings(form: dict[str, Any]) -> None:
    assert [
        {
            "kind": finding.kind,
            "severity": str(finding.severity),
            "line": finding.line,
            "lines": finding.text.count("\n") + 1,
            "title": finding.title,
        }
        for finding in findings_in(form["text"])
    ] == form["findings"]


def test_a_line_of_the_host_is_a_finding_only_in_the_hosts_streams() -> None:
    (forms,) = (form for form in FORMS if form["form"].startswith("6: what else"))
    assert findings_in(forms["text"]) == ()
    assert len(findings_in(forms["text"], of_host=True)) >= 4


@cache
def titles(log: str) -> list[str]:
    return [finding.title for finding in findings_in(log)]


@pytest.mark.parametrize("foreign", ["[    9.000000] usb 1-1: a foreign line", "a program's line"])
def test_a_foreign_line_after_every_sixth_changes_no_title(
    foreign: str, everyday_or_all: Callable[[int, int], int]
) -> None:
    for log in GUESTS[:: everyday_or_all(3, 1)]:
        # After "cut here", any line of the kernel could be the message of WARN().
        lines = list(enumerate(text(log).split("\n"), start=1))
        mixed = "\n".join(line if n % 6 or "cut here" in line else f"{line}\n{foreign}" for n, line in lines)
        assert titles(mixed) == titles(text(log)), log.stem
