# SPDX-License-Identifier: GPL-2.0-only
"""The result of a kernel's own KUnit suite: from what it prints, and from what the kernel complains of beside it."""

from pathlib import Path

import pytest
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.kunit import suites as kunit
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.subject.case import Case, Scenario

PASSED = ["    KTAP version 1", "    # Subtest: lazy", "    1..1", "    ok 1 one", "ok 1 lazy"]
EXPECTED = [f"    line {number}" for number in range(20)]
FAILED = [*PASSED[:3], *EXPECTED, "    not ok 1 one", "not ok 1 lazy"]
BUG = ["BUG: sleeping function called from invalid context at mm/x.c:1", "in_atomic(): 1, irqs_disabled(): 0"]


@pytest.fixture
def suite() -> PreparedUnit:
    scenario = Scenario(
        *("kunit/lazy", str(Path("mm/tests/lazy_kunit.c")), "x", (), True, ("merged",), ("arm64",)), (Case({}, ()),)
    )
    prepared = kunit.prepared(Unit(scenario, 0, "merged", "arm64", "kunit", "/a"))
    assert prepared.verb == "kunit"
    assert prepared.program(7) == b"lazy"
    return prepared


def reply(lines: list[str], status: int = 0) -> AgentReply:
    return AgentReply(status=status, records=tuple(lines), foreign=tuple((6, line) for line in lines))


def judged(suite: PreparedUnit, lines: list[str], status: int = 0) -> Result:
    return suite.judged(reply(lines, status), {}, run=1, release="7.3.4", seconds=0.1)


def test_a_suite_passes_if_all_its_tests_do(suite: PreparedUnit) -> None:
    result = judged(suite, PASSED)
    assert (result.outcome, result.reason, result.predicted, result.observed) == (Outcome.PASS, "", None, None)
    assert result.ktap == ("KTAP version 1", "# Subtest: lazy", "1..1", "ok 1 one")


def test_a_test_that_fails_is_named_with_the_first_lines_that_it_printed(suite: PreparedUnit) -> None:
    result = judged(suite, FAILED)
    assert (result.outcome, result.reason) == (Outcome.FAIL, "KUnit: 1 of 1 tests failed: one")
    lines = result.details.splitlines()
    assert (lines[0], lines[11:]) == ("line 0", ["line 11", "    (8 more lines)"])
    assert result.ktap[-2:] == ("# line 19", "not ok 1 one")


def test_a_suite_that_was_cut_off_or_did_not_run_is_an_error(suite: PreparedUnit) -> None:
    for result in (judged(suite, FAILED[:-1]), judged(suite, []), judged(suite, PASSED, 2)):
        assert (result.outcome, result.predicted, result.ktap) == (Outcome.ERROR, None, ())
    assert judged(suite, PASSED, 2).reason == "KUnit suite lazy could not be run: No such file or directory"


def test_a_complaint_of_the_kernel_counts_if_no_test_failed(suite: PreparedUnit) -> None:
    assert suite.complaint(reply(PASSED)) is None
    assert "sleeping function called" in (suite.complaint(reply([*BUG, *PASSED])) or "")
    assert suite.complaint(reply([*BUG, *FAILED])) is None
    # An error of a test has a level at which any other message is a complaint.
    loud = AgentReply(status=0, records=(), foreign=tuple((3, line) for line in PASSED))
    assert suite.complaint(loud) is None


def test_a_suite_may_be_skipped(suite: PreparedUnit) -> None:
    result = judged(suite, [*PASSED[:3], "ok 1 lazy # SKIP not on this machine"])
    assert (result.outcome, result.reason) == (Outcome.SKIP, "not on this machine")
