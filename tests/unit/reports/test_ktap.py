# SPDX-License-Identifier: GPL-2.0-only
"""The KTAP report: plans and results agree at every level, and no text can forge a result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from msgspec import Struct, field
from msgspec.structs import replace

from tests.unit import runs

# Written from ktap.rst alone. kunit.py looks for directives anywhere after ` # `.
_RESULT = re.compile(r"(ok|not ok) ([0-9]+) ([^#]*?)(?: # (.*))?")
_DIRECTIVES = ("SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")


class Node(Struct):
    """One test of a report: its result line, its diagnostic lines, and the tests nested in it."""

    ok: bool
    name: str
    directive: str
    data: str
    comments: list[str]
    planned: int | None = None
    children: list[Node] = field(default_factory=list)


def parse(text: str) -> Node:
    """Return the report as a tree; any line that is not of the format is an error."""
    assert text.endswith("\n")
    lines = text.removesuffix("\n").split("\n")
    planned, children, left = level(lines, "")
    assert not left, f"lines after the report: {left}"
    return Node(True, "", "", "", [], planned, children)


def level(lines: list[str], indent: str) -> tuple[int, list[Node], list[str]]:
    """Return plan and tests of one level that begins with the first line, and the lines after it."""
    assert lines[0] == indent + "KTAP version 1"
    plan = re.fullmatch(indent + r"1\.\.([0-9]+)", lines[1])
    assert plan, lines[1]
    left = lines[2:]
    tests: list[Node] = []
    comments: list[str] = []
    nested: tuple[int, list[Node]] | None = None
    while left and left[0].startswith(indent):
        line = left[0].removeprefix(indent)
        if line == "  KTAP version 1":
            assert nested is None, "two sets of nested results in one test"
            number, children, left = level(left, indent + "  ")
            nested = (number, children)
            continue
        left = left[1:]
        if line.startswith("# "):
            comments.append(line)
            continue
        found = _RESULT.fullmatch(line)
        assert found, f"not a line of KTAP: {line!r}"
        assert int(found[2]) == len(tests) + 1
        word, _, data = (found[4] or "").partition(" ")
        directive = word if word in _DIRECTIVES else ""
        assert not re.search(r" # ", found[4] or ""), "a second directive"
        tests.append(Node(found[1] == "ok", found[3], directive, data, comments, *(nested or (None, []))))
        comments, nested = [], None
    assert nested is None, "nested results without a result of their own"
    return int(plan[1]), tests, left


def parsed(run: RunSummary) -> Node:
    return parse(runs.written("ktap", run))


def everything(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from everything(child)


def cases(node: Node) -> list[Node]:
    return [one for one in everything(node) if one.planned is None]


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


def outcome(node: Node) -> str:
    """Return what a case was, as a reader of KTAP takes it."""
    if node.directive == "SKIP":
        return "skip"
    if node.directive == "XFAIL":
        return "known"
    return "pass" if node.ok else "error" if node.directive == "ERROR" else "fail"


def test_plans_numbers_and_outcomes_agree_at_every_level(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME)
    root = parsed(run)
    for node in (root, *everything(root)):
        assert node.planned in (None, len(node.children))
        if node.children and node is not root:
            assert node.ok == all(child.ok for child in node.children)
    assert [arch.name for arch in root.children] == list(runs.ARCHES)
    assert [one.name for one in root.children[0].children] == ["nesting/deep", "nesting/plain", "pause/plain"]
    assert [one.name for one in cases(root)[:2]] == ["nesting/deep[depth=1] merged", "nesting/deep[depth=2] merged"]
    assert Counter(map(outcome, cases(root))) == Counter(run.results.summary())


def test_a_result_that_is_not_a_pass_has_an_explanation(units: tuple[Unit, ...]) -> None:
    found = {outcome(one): one for one in cases(parsed(runs.summary(units, runs.EVERY_OUTCOME)))}
    assert (found["skip"].ok, found["skip"].data) == (True, "why")
    assert (found["error"].ok, found["error"].data) == (False, "why")
    assert found["error"].comments[0].startswith("# error: nesting/deep")
    assert "#   console" in found["error"].comments
    assert any("step 2 disable: hooks" in line for line in found["fail"].comments)


def test_a_known_failure_is_expected_and_a_broken_entry_is_not_ok(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["fail"])
    states = {State.HOLDS: "", State.EXPIRED: "expired", State.OPEN: "open"}
    issues = [CheckedIssue(runs.issue(), state, message) for state, message in states.items()]
    root = parsed(
        runs.changed(
            run, [replace(one, known="bug #7") if one.number == 0 else one for one in run.results], known=issues
        )
    )
    (known,) = [one for one in cases(root) if outcome(one) == "known"]
    assert known.ok
    assert known.data.startswith("known: bug")
    arm, s390, entries = root.children
    assert (arm.ok, s390.ok, entries.ok, entries.name) == (True, True, False, "known")
    assert [(one.ok, one.directive) for one in entries.children] == [(True, ""), (False, ""), (True, "SKIP")]


def test_a_scenario_whose_cases_are_all_skipped_is_skipped(units: tuple[Unit, ...]) -> None:
    root = parsed(runs.summary(units, ["skip"] * 4))
    assert root.children[0].directive == ""
    assert [(one.name, one.directive) for one in root.children[0].children] == [
        ("nesting/deep", "SKIP"),
        ("nesting/plain", ""),
        ("pause/plain", ""),
    ]


@pytest.mark.parametrize("done", [[0, 2, 4, 5, 6, 7], [1], []])
def test_an_interrupted_run_has_fewer_results_than_its_plans_say(units: tuple[Unit, ...], done: list[int]) -> None:
    root = parsed(runs.interrupted(runs.summary(units, []), done))
    found = cases(root)
    assert sum(one.planned is None for one in found) == len([one for one in found if one.ok]) == len(done)
    assert root.planned == len(root.children) == 2
    for arch in root.children:
        mine = [number for number in done if units[number].arch == arch.name]
        assert arch.planned == 3
        assert arch.ok == (len(mine) == 4)
        assert arch.ok or (arch.directive, arch.data) == ("ERROR", f"interrupted: {len(mine)} of 4 were done")


FORGED = st.lists(
    st.sampled_from(
        [
            "ok 1 x",
            "not ok 1 x",
            "KTAP version 1",
            "1..9",
            "# Subtest: x",
            "Subtest: x",
            "a # SKIP b",
            "# TODO",
            "Bail out!",
        ]
    )
    | runs.HOSTILE_TEXTS
).flatmap(lambda parts: st.sampled_from(["\n", "\r", "\x0b", "\x85", "\u2028", " "]).map(lambda end: end.join(parts)))


@given(text=FORGED)
def test_no_text_can_forge_a_result(units: tuple[Unit, ...], text: str) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME, reason=text, details=text)
    first, *others = run.results
    results = [replace(first, known=runs.utf8(text).strip() or "reason"), *others]
    run = runs.changed(run, results, accelerators={"arm64": (text, text)})
    report = runs.written("ktap", run)
    found = Counter(map(outcome, cases(parse(report))))
    assert found == {"known": 1, "fail": 1, "error": 2, "skip": 1, "pass": 3}
    assert re.search(r"^ *# Subtest", report, re.MULTILINE) is None


def test_a_name_cannot_end_early(units: tuple[Unit, ...]) -> None:
    scenario = replace(units[0].scenario, name="odd # SKIP name\nok 2 x")
    named = tuple(replace(unit, scenario=scenario) for unit in units[:2])
    run: RunSummary = runs.summary(named, ["fail", "fail"])
    assert Counter(map(outcome, cases(parsed(run)))) == {"fail": 2}
