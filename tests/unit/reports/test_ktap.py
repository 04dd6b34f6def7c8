# SPDX-License-Identifier: GPL-2.0-only
"""The KTAP report: plans and results agree at every level, and no text can forge a result."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.trees import TREE
from tests.unit import runs

# Reads KTAP from standard input with the kernel's own parser.
_KUNIT = """\
import io, json, sys
import kunit_parser, kunit_printer

def tree(test):
    return [test.name, test.status.name, [tree(one) for one in test.subtests]]

lines = sys.stdin.read().splitlines()
found = kunit_parser.parse_run_tests(lines, kunit_printer.Printer(io.StringIO()))
print(json.dumps([tree(found), found.counts.errors]))
"""

EVERY_OUTCOME = """\
KTAP version 1
1..2
  KTAP version 1
  1..3
    KTAP version 1
    1..2
    not ok 1 nesting/deep[depth=1] merged
    ok 2 nesting/deep[depth=2] merged # SKIP
  not ok 1 nesting/deep
    KTAP version 1
    1..1
    not ok 1 nesting/plain merged # ERROR
  not ok 2 nesting/plain
    KTAP version 1
    1..1
    ok 1 pause/plain merged
  ok 3 pause/plain
not ok 1 arm64
  KTAP version 1
  1..3
    KTAP version 1
    1..2
    not ok 1 nesting/deep[depth=1] merged # ERROR
    not ok 2 nesting/deep[depth=2] merged
  not ok 1 nesting/deep
    KTAP version 1
    1..1
    ok 1 nesting/plain merged
  ok 2 nesting/plain
    KTAP version 1
    1..1
    ok 1 pause/plain merged
  ok 3 pause/plain
not ok 2 s390x
"""


def outline(run: RunSummary) -> str:
    """Return the report without comments and without what follows a directive."""
    lines = runs.written("ktap", run).splitlines(keepends=True)
    # kunit.py takes some comments for headers, and looks for directives anywhere after ` # `.
    kept = [line for line in lines if not re.match(r" *# (?!Subtest)", line)]
    return "".join(re.sub(r"( # [A-Z]+)(?: (?:(?! # ).)*)?$", r"\1", line) for line in kept)


def test_plans_numbers_and_outcomes_agree_at_every_level(units: tuple[Unit, ...]) -> None:
    assert outline(runs.summary(units, runs.EVERY_OUTCOME)) == EVERY_OUTCOME


def test_a_result_that_is_not_a_pass_has_an_explanation(units: tuple[Unit, ...]) -> None:
    report = runs.written("ktap", runs.summary(units, runs.EVERY_OUTCOME))
    assert report.count("#   reproduce: ") == 4
    report = re.sub(r" *#   reproduce: .*\n", "", report)
    assert "\n    ok 2 nesting/deep[depth=2] merged # SKIP why\n" in report
    error = "    # error: nesting/deep[depth=1] merged\n    #   why\n    #   console\n"
    about = "    #   the same in 1 more, in all 1 on s390x, 1 on arm64:\n    #       nesting/deep, nesting/plain\n"
    assert f"{error}{about}    not ok 1 nesting/deep[depth=1] merged # ERROR why\n" in report
    cause = "the same cause as in nesting/deep[depth=1] merged on s390x, which is explained there"
    error = f"    # error: nesting/plain merged\n    #   why\n    #   {cause}\n"
    assert f"{error}    not ok 1 nesting/plain merged # ERROR why\n" in report
    assert "\n# cause: 2 error: why; the smallest: nesting/deep[depth=1] merged on s390x\n" in report
    assert re.search(r"    # fail: nesting/deep.*\n    #   .*step 2 disable: hooks\n", report)


def test_a_known_failure_is_expected_and_a_broken_entry_is_not_ok(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["fail"])
    states = {State.HOLDS: "", State.EXPIRED: "expired", State.OPEN: "open"}
    issues = [CheckedIssue(runs.issue(), state, message) for state, message in states.items()]
    lines = outline(runs.changed(run, runs.known(run, 0), known=issues)).splitlines()
    assert "    ok 1 nesting/deep[depth=1] merged # XFAIL" in lines
    assert lines[-6:] == [
        "  KTAP version 1",
        "  1..3",
        "  ok 1 nesting/* (known.yaml:1:3)",
        "  not ok 2 nesting/* (known.yaml:1:3)",
        "  ok 3 nesting/* (known.yaml:1:3) # SKIP",
        "not ok 3 known",
    ]


def test_a_scenario_whose_cases_are_all_skipped_is_skipped(units: tuple[Unit, ...]) -> None:
    lines = outline(runs.summary(units, ["skip"] * 4)).splitlines()
    assert "  ok 1 nesting/deep # SKIP" in lines
    assert "ok 1 arm64" in lines


@pytest.mark.parametrize("done", [[0, 2, 4, 5, 6, 7], [1], []])
def test_an_interrupted_run_has_fewer_results_than_its_plans_say(units: tuple[Unit, ...], done: list[int]) -> None:
    report = runs.written("ktap", runs.interrupted(runs.summary(units, []), done))
    assert len(re.findall("^    ok ", report, re.MULTILINE)) == len(done)
    assert report.count("\n  1..3\n") == 2
    for number, arch in enumerate(runs.ARCHES, 1):
        mine = sum(units[unit].arch == arch for unit in done)
        ended = "ok {} {}\n" if mine == 4 else "not ok {} {} # ERROR interrupted: {} of 4 were done\n"
        assert f"\n{ended.format(number, arch, mine)}" in report


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
    first_is_known = EVERY_OUTCOME.replace(
        "not ok 1 nesting/deep[depth=1] merged", "ok 1 nesting/deep[depth=1] merged # XFAIL", 1
    )
    assert outline(run) == first_is_known.replace("not ok 1 nesting/deep\n", "ok 1 nesting/deep\n", 1)


def test_a_name_cannot_end_early(units: tuple[Unit, ...]) -> None:
    scenario = replace(units[0].scenario, name="odd # SKIP name\nok 2 x")
    named = tuple(replace(unit, scenario=scenario) for unit in units[:1])
    assert "    not ok 1 odd \\_ SKIP name ok 2 x[depth=1] merged\n" in outline(runs.summary(named, ["fail"]))


@pytest.mark.exhaustive
@pytest.mark.skipif(TREE not in os.environ, reason=f"{TREE} names no source tree")
def test_the_kernels_own_tool_reads_every_test_and_its_outcome(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME, reason="# Subtest: x\nok 1 forged", details="KTAP version 1\n1..9")
    tools = Path(os.environ[TREE]) / "tools/testing/kunit"
    command = [sys.executable, "-c", _KUNIT]
    given = runs.written("ktap", run)
    done = subprocess.run(command, cwd=tools, input=given, capture_output=True, text=True, check=True)
    # The tool prints its own report first.
    (_, _, machines), errors = json.loads(done.stdout.splitlines()[-1])
    assert errors == 0, done.stdout
    read = [
        (machine, scenario, case, status)
        for machine, _, scenarios in machines
        for scenario, _, cases in scenarios
        for case, status, _ in cases
    ]
    words = {"fail": "FAILURE", "error": "FAILURE", "skip": "SKIPPED", "pass": "SUCCESS"}
    assert sorted(read) == sorted(
        (one.machine, one.scenario_name, one.title(), words[one.outcome]) for one in run.results
    )
