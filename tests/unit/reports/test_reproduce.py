# SPDX-License-Identifier: GPL-2.0-only
"""The line `reproduce:` runs the case of a result, and nothing else, in the way in which it ran."""

import shlex
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lazymmu.commands import run as command
from lazymmu.parser import command_parser
from lazymmu.reports import reproduce
from lazymmu.reports.formats import FORMATS
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.session.plan import Plan
from msgspec.structs import replace

from tests.headers import MERGED
from tests.unit import runs
from tests.unit.rows import each_row

_NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_RUN = command_parser(command)
_HOW = ("transport", "isolation", "fresh_boot", "timeout_scale", "repeat", "header", "shuffle")


def arguments(words: Sequence[str]) -> Namespace:
    return _RUN.read(words, command="run", command_line=["run", *words])


def failed(words: Sequence[str]) -> RunSummary:
    """Return a run of a command line in which everything failed."""
    given = arguments(words)
    plan = Plan.of(given, _NOW)
    results = [Result.of(unit, Outcome.FAIL, "why", position=unit.index + 1) for unit in plan.units]
    run = runs.summary(runs.selected(Path("library")), [])
    facts = {**run.facts, "arguments": vars(given)}
    return replace(run, results=runs.store(plan.units, results), seed=given.shuffle, facts=facts)


def again(run: RunSummary, number: int) -> Namespace:
    """Return the arguments of the command that a report shows for a result."""
    words = shlex.split(reproduce.line(run, run.results[number]))
    assert words[0] == "reproduce:"
    assert words[1].endswith("lazymmu")
    assert words[2] == "run"
    return arguments(words[3:])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header and scenarios outside the library, in the working folder."""
    (tmp_path / "my header.h").write_text(MERGED)
    runs.selected(tmp_path / "given")
    (tmp_path / "given" / "words.yml").write_text(
        "description: x\nvary: {a: [true, false]}\nsteps: [enable, check: {active: $a}]\n"
    )
    monkeypatch.chdir(tmp_path)


@each_row(
    "words",
    [
        ["nesting/two-levels", "nesting/deep", "--arch", "arm64,s390x", "--api", "all"],
        ["given", "--arch", "arm64", "--repeat", "2"],
        ["nesting/single", "--kernel", "current", "--kernel", "lts"],
        ["nesting/two-levels", "--header", "my header.h"],
        ["nesting/two-levels", "--arch", "s390x", "--personality", "xen", "--transport", "ssh"],
        ["nesting/single", "--arch", "arm64", "--isolation", "scenario", "--shuffle", "3", "--timeout-scale", "2.5"],
        ["nesting/single", "--arch", "arm64", "--fresh-boot"],
    ],
)
def test_it_runs_this_case_alone_as_it_ran(words: Sequence[str]) -> None:
    run = failed(words)
    assert len(run.results) > 0
    as_given = vars(arguments(words))
    kept = {name: as_given[name] for name in _HOW if name != "shuffle"}
    for result in run.results:
        given = again(run, result.number)
        labels = {replace(unit, repetition=result.repetition).label() for unit in Plan.of(given, _NOW).units}
        assert labels == {result.label()}
        assert {name: vars(given)[name] for name in kept} == kept


def test_after_a_shuffle_in_a_shared_guest_it_keeps_the_order_on_the_machine() -> None:
    words = ["nesting", "--exclude", "nesting/deep", "--arch", "arm64,s390x", "--api", "merged", "--shuffle", "7"]
    run = failed(words)
    last = len(run.results) - 1
    given = again(run, last)
    assert (given.shuffle, given.jobs, given.isolation) == (7, 1, "shared")
    of_machine = [unit.label() for unit in runs.units(run) if unit.arch == run.results[last].arch]
    assert [unit.label() for unit in Plan.of(given, _NOW).units] == of_machine
    # Nothing ran before the first.
    assert again(run, 0).shuffle is None


def test_a_patch_from_standard_input_is_read_from_the_results_folder() -> None:
    run = failed(["nesting/single", "--arch", "arm64"])
    facts = {**run.facts, "arguments": {**run.facts["arguments"], "patch": "-"}, "patch_kept": "out/patch"}
    words = reproduce.command(replace(run, facts=facts), run.results[0])
    assert words[words.index("--patch") + 1] == "out/patch"


def test_the_json_document_has_the_causes_with_their_results_and_commands() -> None:
    words = ["given/nesting", "--arch", "arm64", "--api", "merged"]
    run = failed(words)
    (cause,) = runs.document(run)["causes"]
    assert cause["results"] == list(run.groups[0].numbers)
    assert cause["reproduce"] == reproduce.command(run, run.groups[0].first)
    assert (cause["outcome"], cause["title"], cause["function"]) == ("fail", "why", None)
    run = runs.summary(Plan.of(arguments(words), _NOW).units, ["fail", "skip"])
    fail, skip = runs.document(run)["causes"]
    assert fail["function"]["name"] == "merged_disable"
    assert (skip["results"], skip["reproduce"]) == ([1], None)


def test_each_failure_in_the_files_has_the_line_and_a_skip_has_none() -> None:
    words = ["given/nesting", "--arch", "arm64", "--api", "merged"]
    run = failed(words)
    for form in ("junit", "ktap", "html"):
        for result in run.results:
            line = reproduce.line(run, result)
            assert line.replace("'", "&#39;") in runs.written(form, run).replace("'", "&#39;"), form
    units = [unit for unit in runs.units(run) if isinstance(unit, Unit)]
    skipped = runs.summary(units, ["skip"] * len(units))
    for form in FORMATS:
        assert "reproduce:" not in runs.written(form, replace(skipped, facts=run.facts))
