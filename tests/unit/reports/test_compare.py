# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu compare`: what changed between two runs, what of it is worse, and which files are no results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Unit
from msgspec.structs import replace

from tests.unit import runs


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


class Bench:
    """Writes two documents and compares them by the command line."""

    def __init__(self, folder: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._units = units
        self._capsys = capsys

    def document(self, outcomes: Sequence[str], reason: str = "why") -> dict[str, Any]:
        """Return a real run's document."""
        return runs.document(runs.summary(self._units, outcomes, reason=reason))

    def compare(self, old: Any, new: Any) -> tuple[int, dict[str, Any], str]:
        """Return status, the JSON and what a person reads."""
        for name, document in (("old.json", old), ("new.json", new)):
            content = document if isinstance(document, str) else json.dumps(document)
            (self._folder / name).write_text(content)
        target = self._folder / "changes.json"
        names = [str(self._folder / name) for name in ("old.json", "new.json")]
        status = main(["compare", *names, "--json", str(target)])
        said = self._capsys.readouterr()
        return status, json.loads(target.read_text()) if target.exists() else {}, said.out + said.err


@pytest.fixture
def bench(tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, units, capsys)


def changes(document: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(change["change"], change["worse"]) for change in document["changes"]]


def test_the_same_is_no_change(bench: Bench) -> None:
    same = bench.document(["fail", "error", "skip"])
    status, document, said = bench.compare(same, same)
    assert (status, document["changes"], document["worse"]) == (0, [], False)
    assert "nothing got worse" in said


@pytest.mark.parametrize(
    ("old", "new", "kind", "worse"),
    [
        ("pass", "fail", "newly failing", True),
        ("pass", "error", "newly failing", True),
        ("pass", "skip", "newly failing", True),
        ("fail", "pass", "newly passing", False),
        ("skip", "pass", "newly passing", False),
        ("error", "fail", "other outcome", False),
        ("skip", "fail", "other outcome", False),
    ],
)
def test_a_changed_outcome_is_named_and_worse_when_it_was_a_pass(
    bench: Bench, old: str, new: str, kind: str, worse: bool
) -> None:
    status, document, said = bench.compare(bench.document([old]), bench.document([new]))
    assert status == int(worse)
    assert changes(document) == [(kind, worse)]
    assert f"nesting/deep[depth=1] merged on arm64: {old} -> {new}" in said
    (change,) = document["changes"]
    assert (change["old"]["outcome"], change["new"]["outcome"], change["case"]) == (old, new, {"depth": 1})
    assert document["summary"][kind] == 1


def test_another_reason_is_told(bench: Bench) -> None:
    status, document, said = bench.compare(bench.document(["error"]), bench.document(["error"], reason="panic"))
    assert (status, changes(document)) == (0, [("other reason", False)])
    assert "error -> error: panic" in said


@pytest.mark.parametrize(("outcome", "status"), [("pass", 1), ("fail", 0)])
def test_what_disappeared_is_worse_only_if_it_passed(bench: Bench, outcome: str, status: int) -> None:
    old = bench.document([outcome])
    new = {**old, "results": old["results"][1:]}
    assert bench.compare(old, new)[:2] == (status, bench.compare(old, new)[1])
    assert changes(bench.compare(old, new)[1]) == [("disappeared", outcome == "pass")]
    assert changes(bench.compare(new, old)[1]) == [("appeared", False)]


def test_a_failure_that_is_known_is_not_worse(bench: Bench) -> None:
    new = bench.document(["fail"])
    new["results"][0]["known"] = "bug 7"
    status, document, said = bench.compare(bench.document([]), new)
    assert (status, changes(document)) == (0, [("newly failing", False)])
    assert "pass -> fail (known)" in said


def test_a_known_failure_that_is_no_longer_known_is_told(bench: Bench) -> None:
    old, new = bench.document(["fail"]), bench.document(["fail"])
    old["results"][0]["known"] = "bug 7"
    status, document, said = bench.compare(old, new)
    assert (status, changes(document)) == (0, [("other outcome", False)])
    assert "fail (known) -> fail" in said


def test_of_several_repetitions_the_worst_counts(bench: Bench) -> None:
    once, twice = bench.document([]), bench.document([])
    twice["results"] = [{**result, "repetition": number} for result in twice["results"] for number in (1, 2)]
    assert bench.compare(once, twice)[:2][0] == 0
    twice["results"][1]["outcome"] = "fail"
    status, document, _ = bench.compare(once, twice)
    assert (status, changes(document)) == (1, [("newly failing", True)])


def test_only_a_large_change_of_time_is_told_and_never_worse(bench: Bench) -> None:
    old, new = bench.document([]), bench.document([])
    new["results"][0]["seconds"], new["results"][1]["seconds"] = 2.5, 0.6
    status, document, said = bench.compare(old, new)
    assert (status, changes(document)) == (0, [("other time", False)])
    assert "0.25 s -> 2.50 s" in said


def test_kernels_are_told_apart_when_a_run_had_several(bench: Bench) -> None:
    old = bench.document([])
    other = {**old, "results": [{**result, "kernel": "current"} for result in old["results"]]}
    assert bench.compare(old, other)[1]["changes"] == []
    both = {**old, "results": old["results"] + other["results"]}
    both["results"][8]["outcome"] = "fail"
    assert changes(bench.compare(old, both)[1]) == [("appeared", False)] * 8


def test_an_interrupted_run_is_named(bench: Bench) -> None:
    old = bench.document([])
    new = {**old, "results": old["results"][:3], "interrupted": True}
    status, _, said = bench.compare(old, new)
    assert status == 1
    assert "is of a run that was interrupted: 3 of 8 were done" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{", "old.json: not JSON: "),
        ("[]", "old.json: not the results of a run: Expected `object`, got `array`"),
        ('{"schema": 1, "predictions": []}', "not the results of a run: Object missing required field `results`"),
        ('{"schema": 2}', "not the results of a run: Invalid enum value 2 - at `$.schema`"),
        ('{"schema": 1, "results": [{}]}', "Object missing required field `scenario` - at `$.results[0]`"),
        (("outcome", "passed"), "Invalid enum value 'passed' - at `$.results[0].outcome`"),
        (("seconds", True), "Expected `float`, got `bool` - at `$.results[0].seconds`"),
    ],
)
def test_what_is_no_result_is_refused_with_path_and_reason(bench: Bench, change: Any, message: str) -> None:
    good = bench.document([])
    bad = change
    if isinstance(change, tuple):
        bad = json.loads(json.dumps(good))
        bad["results"][0][change[0]] = change[1]
    status, _, said = bench.compare(bad, good)
    assert status == 2
    assert message in said


def test_a_folder_stands_for_its_results_and_an_unfinished_one_is_refused(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    assert main(["compare", str(folder), str(folder)]) == 2
    assert "results.json: cannot be read" in capsys.readouterr().err
    (folder / "run.json").write_text('{"program": "lazymmu"}')
    assert main(["compare", str(folder), str(folder)]) == 2
    assert f"{folder}: this run has not ended" in capsys.readouterr().err
    (folder / "results.json").write_text(json.dumps(bench.document([])))
    assert main(["compare", str(folder), str(folder / "results.json")]) == 0


def test_the_json_on_standard_output_is_alone_there(
    bench: Bench, tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(runs.document(replace(runs.summary(units, []), seed=3))))
    assert main(["compare", str(path), str(path), "--json", "-"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["worse"] is False
    assert "nothing got worse" in said.err
