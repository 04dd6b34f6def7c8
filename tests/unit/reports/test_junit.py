# SPDX-License-Identifier: GPL-2.0-only
"""The JUnit report is valid against the schema of a CI system for any text, and its counts are those of the JSON."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.unit import runs

if TYPE_CHECKING:
    from xmlschema import XMLSchema

SCHEMA = Path(__file__).parents[2] / "fixtures" / "junit" / "junit-10.xsd"


@cache
def schema() -> "XMLSchema":
    from xmlschema import XMLSchema  # noqa: PLC0415  (only the process that runs these tests waits for it)

    return XMLSchema(SCHEMA)


def parsed(run: RunSummary) -> ElementTree.Element:
    """Return the root of the report, which must be valid against the schema."""
    text = runs.written("junit", run)
    schema().validate(text)
    return ElementTree.fromstring(text)  # noqa: S314  (our own)


def properties(suite: ElementTree.Element) -> dict[str | None, str | None]:
    return {one.get("name"): one.get("value") for one in suite.iter("property")}


def test_every_outcome_has_its_element_and_the_counts_are_those_of_the_json(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME)
    root = parsed(run)
    summary = runs.document(run)["summary"]
    cases = list(root.iter("testcase"))
    kinds = Counter(child.tag for case in cases for child in case)
    assert kinds == {"failure": summary["fail"], "error": summary["error"], "skipped": summary["skip"]}
    assert len(cases) == sum(summary.values()) == runs.SIZE
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("8", "2", "2")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == list(runs.ARCHES)
    for arch, suite in suites.items():
        outcomes = Counter(str(result.outcome) for result in run.results if result.arch == arch)
        keys = {"fail": "failures", "error": "errors", "skip": "skipped"}
        assert {name: int(suite.get(key, "")) for name, key in keys.items()} == {name: outcomes[name] for name in keys}
        assert int(suite.get("tests", "")) == outcomes.total()
        assert float(suite.get("time", "")) == pytest.approx(0.25 * outcomes.total())
    assert suites["arm64"].get("timestamp") == "2026-11-22T12:00:00+00:00"


def test_a_case_has_a_complete_name_and_an_explanation(units: tuple[Unit, ...]) -> None:
    root = parsed(runs.summary(units, runs.EVERY_OUTCOME, details="first line\nsecond line"))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert ("arm64.nesting", "nesting/deep[depth=2] merged") in names
    assert len(set(names)) == runs.SIZE
    failure = next(root.iter("failure"))
    assert failure.get("message") == "why"
    assert "nesting/deep.yaml:3:5: step 2 disable: hooks\n    predicted  f\n    observed   why" in (failure.text or "")
    assert "see merged_disable() in guest/module/api_merged.c:" in (failure.text or "")
    other, error = root.iter("error")
    assert (error.get("type"), (error.text or "").split("\n")[:3]) == ("error", ["why", "first line", "second line"])
    cause = "why\nthe same cause as in nesting/deep[depth=1] merged on s390x, which is explained there\nreproduce: "
    assert (other.text or "").startswith(cause)
    causes = {one.get("name"): one.get("value") or "" for one in root.iter("property")}
    assert re.fullmatch(
        r"2 fail: disable: hooks, merged_disable\(\) in guest/module/api_merged\.c:\d+; "
        r"the smallest: nesting/deep\[depth=1\] merged on arm64",
        causes["cause.1"],
    )


def test_a_suite_has_the_properties_of_its_machine(units: tuple[Unit, ...]) -> None:
    for suite in parsed(replace(runs.summary(units, []), seed=7)):
        assert properties(suite) == {
            "release": "6.12.0-test",
            "kernel": "lts",
            "impl": "module",
            "accelerator": "tcg",
            "accelerator.reason": "no KVM here",
            "shuffle": "7",
        }


@pytest.mark.parametrize("done", [[0, 2, 5], []])
def test_the_report_of_an_interrupted_run_is_valid_and_says_so(units: tuple[Unit, ...], done: list[int]) -> None:
    suites = list(parsed(runs.interrupted(runs.summary(units, []), done)))
    assert [properties(suite)["interrupted"] for suite in suites] == [f"interrupted: {len(done)} of 8 were done"] * 2


def test_a_known_failure_is_skipped_and_a_broken_entry_is_a_failure(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["fail", "error"])
    issues = [
        CheckedIssue(runs.issue(), State.HOLDS),
        CheckedIssue(runs.issue(scenario="pause/plain"), State.PASSED, "passed instead of fail"),
        CheckedIssue(runs.issue(scenario="x"), State.UNUSED, "matches nothing"),
    ]
    arm, s390, known = parsed(runs.changed(run, runs.known(run, 0), known=issues))
    assert (arm.get("skipped"), arm.get("failures")) == ("1", "0")
    assert (s390.get("errors"), s390.get("skipped")) == ("1", "0")
    assert next(arm.iter("skipped")).get("message") == "known: bug 7"
    counts = [known.get(key) for key in ("name", "tests", "failures", "skipped")]
    assert counts == ["known", "3", "1", "1"]
    assert next(known.iter("failure")).get("message") == "passed instead of fail"


@example(text=runs.HOSTILE)
@given(text=runs.HOSTILE_TEXTS)
def test_the_report_is_valid_for_any_text(units: tuple[Unit, ...], text: str) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME, reason=text, details=text + "]]> end & <tag>")
    first, second, *others = run.results
    issues = [CheckedIssue(runs.issue(reason=text), State.PASSED, text)]
    results = [first, replace(second, known=runs.utf8(text)), *others]
    accelerators = dict.fromkeys(runs.ARCHES, (text, text))
    root = parsed(runs.changed(run, results, accelerators=accelerators, known=issues))
    assert any("end & <tag>" in (error.text or "") for error in root.iter("error"))
