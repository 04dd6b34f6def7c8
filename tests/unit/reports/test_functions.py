# SPDX-License-Identifier: GPL-2.0-only
"""Every report of a run on a text says which of its functions were driven, also if everything passed."""

import json
from pathlib import Path

import pytest
from lazymmu.header.driven import account
from lazymmu.header.text import parsed
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.terminal import Terminal
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.headers import EXTENDED, TAIL
from tests.unit import runs


@pytest.fixture
def passed(tmp_path: Path) -> RunSummary:
    units = runs.selected(tmp_path)
    more = "static inline void lazy_mmu_mode_begin(void) { }\n"
    text = parsed(
        EXTENDED.replace("enable_with_ptes(", "enable_pte(").replace(TAIL, more + TAIL), "--header my.h", "my.h"
    )
    facts = {"command": ["lazymmu", "run"], "commit": None, "text": account(text, {"enable", "enable_with_ptes"})}
    return replace(runs.summary(units, ["pass"] * len(units)), facts=facts)


@pytest.mark.parametrize("form", [*FORMATS, "terminal"])
def test_it_names_the_text_what_was_driven_and_what_not(form: str, passed: RunSummary, tmp_path: Path) -> None:
    with (tmp_path / "report").open("w") as file:
        if form == "terminal":
            Terminal(file).report(passed, tmp_path)
        else:
            FORMATS[form].write(passed, file)
    report = (tmp_path / "report").read_text()
    if form == "json":
        assert json.loads(report)["text"] == passed.facts["text"]
        return
    if form == "codequality":
        # It has only what is wrong.
        assert json.loads(report) == []
        return
    for part in (
        "--header my.h, as with-ptes",
        "lazy_mmu_mode_enable(), lazy_mmu_mode_enable_pte()",
        "(no operation calls it)",
        "lazy_mmu_mode_disable() at line",
        "is_lazy_mmu_mode_active(), __task_lazy_mmu_mode_active()",
        "lazy_mmu_mode_enable_pte() is driven as lazy_mmu_mode_enable_with_ptes(), its later name",
    ):
        assert part in report


def test_a_run_on_no_text_says_nothing_of_it(tmp_path: Path) -> None:
    units = runs.selected(tmp_path)
    assert "tested" not in dict(runs.summary(units, ["pass"]).conditions())
