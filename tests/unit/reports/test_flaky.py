# SPDX-License-Identifier: GPL-2.0-only
"""Every report says which failures are flaky, and keeps them apart from those that are not."""

import io
from pathlib import Path

import pytest
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.terminal import Terminal
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.unit import runs


@pytest.fixture
def run(tmp_path: Path) -> RunSummary:
    """A run with two failures that have one cause; the second is flaky."""
    made = runs.summary(runs.selected(tmp_path), ["fail", "fail"])
    return runs.changed(made, [replace(one, flaky=True) if one.number == 1 else one for one in made.results])


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_says_what_is_flaky(run: RunSummary, name: str) -> None:
    assert "flaky" in runs.written(name, run)
    assert "flaky" not in runs.written(name, runs.changed(run, [replace(one, flaky=False) for one in run.results]))


def test_the_json_keeps_the_outcome(run: RunSummary) -> None:
    document = runs.document(run)
    assert [(one["outcome"], one.get("flaky")) for one in document["results"][:3]] == [
        ("fail", None),
        ("fail", True),
        ("pass", None),
    ]
    assert document["summary"]["fail"] == 2


def test_the_terminal_counts_what_is_flaky_and_shows_it_apart(run: RunSummary, tmp_path: Path) -> None:
    shown = io.StringIO()
    Terminal(shown, plain=True).report(run, tmp_path)
    assert "6 pass, 2 fail, 0 error, 0 skip (1 flaky) in " in shown.getvalue()
    assert shown.getvalue().count("    flaky: it failed, and passed when it ran again in a fresh guest\n") == 1
    assert [group.first.flaky for group in run.groups] == [False, True]
