# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu compare`: what changed between two runs, what got worse, and which files are refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Unit
from msgspec.structs import replace

from tests.unit import runs

#: Returns the exit status, the JSON document, and what a person reads.
Compare = Callable[[Any, Any], tuple[int, dict[str, Any], str]]
Document = Callable[..., dict[str, Any]]


@pytest.fixture
def document(units: tuple[Unit, ...]) -> Document:
    """Return a function that makes the document of a run with these outcomes."""

    def make(outcomes: Sequence[str] = (), reason: str = "why") -> dict[str, Any]:
        return runs.document(runs.summary(units, outcomes, reason=reason))

    return make


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Return a function that compares two documents by the command line."""

    def run(old: Any, new: Any) -> tuple[int, dict[str, Any], str]:
        files = [tmp_path / "old.json", tmp_path / "new.json"]
        for file, content in zip(files, (old, new), strict=True):
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        target = tmp_path / "changes.json"
        status = main(["compare", *map(str, files), "--json", str(target)])
        output = capsys.readouterr()
        return status, json.loads(target.read_text()) if target.exists() else {}, output.out + output.err

    return run


def changes(document: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(change["change"], change["worse"]) for change in document["changes"]]


def test_equal_runs_have_no_change(compare: Compare, document: Document) -> None:
    same = document(["fail", "error", "skip"])
    status, found, output = compare(same, same)
    assert (status, found["changes"], found["worse"]) == (0, [], False)
    assert "nothing got worse" in output


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
def test_another_outcome_is_worse_if_it_was_a_pass(
    compare: Compare, document: Document, old: str, new: str, kind: str, worse: bool
) -> None:
    status, found, output = compare(document([old]), document([new]))
    assert status == int(worse)
    assert changes(found) == [(kind, worse)]
    assert f"nesting/deep[depth=1] merged on arm64: {old} -> {new}" in output
    (change,) = found["changes"]
    assert (change["old"]["outcome"], change["new"]["outcome"], change["case"]) == (old, new, {"depth": 1})
    assert found["summary"][kind] == 1


def test_another_reason_is_a_change(compare: Compare, document: Document) -> None:
    status, found, output = compare(document(["error"]), document(["error"], reason="panic"))
    assert (status, changes(found)) == (0, [("other reason", False)])
    assert "error -> error: panic" in output


@pytest.mark.parametrize(("outcome", "status"), [("pass", 1), ("fail", 0)])
def test_a_missing_result_is_worse_if_it_was_a_pass(
    compare: Compare, document: Document, outcome: str, status: int
) -> None:
    old = document([outcome])
    new = {**old, "results": old["results"][1:]}
    assert compare(old, new)[0] == status
    assert changes(compare(old, new)[1]) == [("disappeared", outcome == "pass")]
    assert changes(compare(new, old)[1]) == [("appeared", False)]


@pytest.mark.parametrize(
    ("old", "new", "change", "line"),
    [
        ("pass", "known", "newly failing", "pass -> fail (known)"),
        ("known", "fail", "other outcome", "fail (known) -> fail"),
    ],
)
def test_a_known_failure_is_not_worse(
    compare: Compare, document: Document, old: str, new: str, change: str, line: str
) -> None:
    documents = [document(["fail" if outcome == "known" else outcome]) for outcome in (old, new)]
    for made, outcome in zip(documents, (old, new), strict=True):
        made["results"][0]["known"] = "bug 7" if outcome == "known" else ""
    status, found, output = compare(*documents)
    assert (status, changes(found)) == (0, [(change, False)])
    assert line in output


def test_a_flaky_failure_is_worse_and_called_flaky(compare: Compare, document: Document) -> None:
    new = document(["fail"])
    new["results"][0]["flaky"] = True
    status, found, output = compare(document(), new)
    assert (status, found["changes"][0]["new"]["flaky"]) == (1, True)
    assert "pass -> fail (flaky)" in output


def test_the_worst_of_several_repetitions_counts(compare: Compare, document: Document) -> None:
    once, twice = document(), document()
    twice["results"] = [{**result, "repetition": number} for result in twice["results"] for number in (1, 2)]
    assert compare(once, twice)[0] == 0
    twice["results"][1]["outcome"] = "fail"
    status, found, _ = compare(once, twice)
    assert (status, changes(found)) == (1, [("newly failing", True)])


def test_only_a_large_change_of_time_is_a_change(compare: Compare, document: Document) -> None:
    old, new = document(), document()
    new["results"][0]["seconds"], new["results"][1]["seconds"] = 2.5, 0.6
    status, found, output = compare(old, new)
    assert (status, changes(found)) == (0, [("other time", False)])
    assert "0.25 s -> 2.50 s" in output


def test_kernels_distinguish_units_only_if_a_run_has_several(compare: Compare, document: Document) -> None:
    old = document()
    other = {**old, "results": [{**result, "kernel": "current", "impl": "native"} for result in old["results"]]}
    module = [{**result, "impl": "module"} for result in other["results"]]
    assert compare(old, {**old, "results": module})[1]["changes"] == []
    found = compare(old, {**old, "results": [*old["results"], *other["results"]]})
    assert changes(found[1]) == [("appeared", False)] * 8
    assert "nesting/deep[depth=1] merged native on arm64 current: not run -> pass" in found[2]


def test_an_interrupted_run_is_named(compare: Compare, document: Document) -> None:
    old = document()
    status, _, output = compare(old, {**old, "results": old["results"][:3], "interrupted": True})
    assert status == 1
    assert "is of a run that was interrupted: 3 of 8 were done" in output


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
def test_another_file_is_refused_with_path_and_reason(
    compare: Compare, document: Document, change: Any, message: str
) -> None:
    good, bad = document(), change
    if isinstance(change, tuple):
        bad = document()
        bad["results"][0][change[0]] = change[1]
    status, _, output = compare(bad, good)
    assert status == 2
    assert message in output


def test_a_results_folder_is_read_if_its_run_has_ended(
    document: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    assert main(["compare", str(folder), str(folder)]) == 2
    assert "is not the results folder of a run: there is no results.json" in capsys.readouterr().err
    (folder / "run.json").write_text('{"program": "lazymmu"}')
    assert main(["compare", str(folder), str(folder)]) == 2
    assert f"{folder}: this run has not ended" in capsys.readouterr().err
    (folder / "results.json").write_text(json.dumps(document()))
    assert main(["compare", str(folder), str(folder / "results.json")]) == 0


def test_a_document_on_standard_output_is_alone_there(
    tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(runs.document(replace(runs.summary(units, []), seed=3))))
    assert main(["compare", str(path), str(path), "--json", "-"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["worse"] is False
    assert "nothing got worse" in output.err


def test_another_personality_is_another_unit(compare: Compare, document: Document) -> None:
    own, other = document(["fail"]), document(["pass"])
    for result in other["results"]:
        result["personality"] = "xen"
    _, found, output = compare(own, other)
    assert {change["change"] for change in found["changes"]} == {"appeared", "disappeared"}
    assert {change.get("personality") for change in found["changes"]} == {None, "xen"}
    assert " as xen: not run -> pass" in output
    for result in other["results"]:
        result["personality"] = result["arch"]
    _, found, _ = compare(own, other)
    assert [change["change"] for change in found["changes"]] == ["newly passing"]
