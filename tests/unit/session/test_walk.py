# SPDX-License-Identifier: GPL-2.0-only
"""A walk stops where a run of the whole case passes, takes typed steps, and finds the first difference."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.verdict import judge
from lazymmu.session.walk import Walk
from lazymmu.subject.case import Case, Scenario
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import GuestError, ScenarioError, UsageError
from msgspec.structs import replace

from tests.unit import examples

TEXT = """\
description: Hooks that switch tasks, and an interrupt.
tasks: {other: {cpu: 1}}
steps:
  - enable
  - set_pte: {index: 0, value: 0x11}
  - enable: {before_hook: [flush]}
  - pause: {before_hook: [flush, {switch: other}, {set_pte: {index: 3, value: 1}}, {switch: main}]}
  - resume
  - interrupt: [enable, {set_pte: {index: 1, value: 5}}, disable]
  - disable
  - disable
"""


def walked(unit: Unit, wrong: Callable[[Trace], Trace] = lambda trace: trace) -> Walk:
    """Return a walk of a guest that does what the model predicts, or what `wrong` makes of it."""

    def run(scenario: Scenario) -> Result:
        prepared = PreparedUnit(replace(unit, scenario=scenario, number=0))
        observed = wrong(prepared.prediction)
        parts = tuple(judge(prepared.unit, prepared.case, prepared.prediction, observed))
        outcome = Outcome.FAIL if parts else Outcome.PASS
        return Result.of(prepared.unit, outcome, predicted=prepared.prediction, observed=observed, parts=parts)

    return Walk(unit, run)


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return examples.unit(tmp_path, TEXT, api="merged", arch="arm64")


def test_each_stop_has_the_records_of_a_whole_run(unit: Unit) -> None:
    whole = predict(unit.case, unit.api, unit.personality)
    walk = walked(unit)
    assert len(walk) == len(whole.steps)
    for number, record in enumerate(whole.steps, 1):
        stop = walk.at(number)
        assert (stop.step.index, stop.predicted.steps[:number]) == (record.index, whole.steps[:number])


def test_the_case_ends_within_what_is_around_the_step(unit: Unit) -> None:
    walk = walked(unit)
    stop = walk.at(walk.number_of(11))
    assert [step.op for step in stop.around] == ["interrupt"]
    assert [step.op for step in stop.case.walk()][-2:] == ["interrupt", "enable"]
    assert stop.predicted.table == {0: 0x11, 3: 1}
    assert walk.at(walk.number_of(12)).predicted.table == {0: 0x11, 1: 5, 3: 1}


def test_a_hook_that_switched_goes_on_until_it_has_switched_back(unit: Unit) -> None:
    walk = walked(unit)
    stop = walk.at(walk.number_of(6))
    assert [step.index for step in stop.case.walk()][-1] == 8


def test_a_step_that_does_not_exist_or_never_runs_is_named(unit: Unit) -> None:
    with pytest.raises(UsageError, match="there is no step 99"):
        walked(unit).number_of(99)
    with pytest.raises(UsageError, match="never reaches step 3 flush"):
        walked(unit).number_of(3)


def test_a_typed_line_runs_beside_the_step_and_the_rest_follows(unit: Unit) -> None:
    walk = walked(unit)
    length = len(walk)
    at = walk.insert(walk.number_of(11), "[set_pte: {index: 7, value: 2}, flush]")
    stop = walk.at(at)
    assert (len(walk), stop.step.op, stop.step.index) == (length + 2, "flush", 13)
    assert [step.op for step in stop.around] == ["interrupt"]
    assert walk.at(len(walk)).predicted.table == {0: 0x11, 1: 5, 3: 1, 7: 2}
    assert [step.index for step in walk.at(len(walk)).case.walk()] == list(range(18))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bogus", "typed:1:1: unknown step `bogus`"),
        ("set_pte: {index: 256, value: 1}", "typed:1:18: "),
        ("switch: nobody", "typed:1:9: there is no task `nobody` yet"),
        ("", "typed:1:1: "),
        ("[flush", "typed:"),
        ("[]", "typed:1:1: "),
        ("switch: $cpu", "typed:1:9: "),
    ],
)
def test_a_wrong_line_changes_nothing(unit: Unit, line: str, message: str) -> None:
    walk = walked(unit)
    before = len(walk)
    with pytest.raises(ScenarioError) as caught:
        walk.insert(1, line)
    assert str(caught.value).startswith(message)
    assert len(walk) == before


def test_an_operation_of_another_revision_is_refused(unit: Unit) -> None:
    with pytest.raises(UsageError, match="revision merged has no operation enable_with_ptes"):
        walked(unit).insert(1, "enable_with_ptes: {index: 0, count: 1}")


def test_the_first_difference_is_a_stop(unit: Unit) -> None:
    assert walked(unit).first_difference() is None

    def wrong(trace: Trace) -> Trace:
        steps = [replace(one, active=not one.active) if one.op == "resume" else one for one in trace.steps]
        return replace(trace, steps=tuple(steps))

    walk = walked(unit, wrong)
    found = walk.first_difference()
    assert found is not None
    assert walk.at(found).step.op == "resume"
    assert walk.at(found - 1).result.outcome is Outcome.PASS
    assert walked(unit, lambda trace: replace(trace, table={9: 9})).first_difference() == len(walk)


@pytest.mark.exhaustive
def test_every_case_of_the_library_can_be_cut_anywhere() -> None:
    for scenario in examples.library():
        case: Case = scenario.cases[0]
        arch, api = scenario.arches[:1], scenario.apis[-1]
        if not arch or sum(1 for _ in case.walk()) > 40:
            continue
        unit = Unit(scenario, 0, api, arch[0])
        walk, whole = walked(unit), predict(case, api, unit.personality)
        for number in range(1, len(walk) + 1):
            assert walk.at(number).predicted.steps[:number] == whole.steps[:number], (scenario.name, number)


def test_what_the_author_expects_at_the_end_belongs_to_the_end(tmp_path: Path) -> None:
    unit = examples.unit(tmp_path, f"{TEXT}expect: {{hooks: ff}}\n", api="merged", arch="arm64")
    walk = walked(unit)
    assert walk.first_difference() == len(walk)
    assert [walk.at(number).result.outcome for number in (1, len(walk))] == [Outcome.PASS, Outcome.FAIL]
    walk.insert(len(walk), "flush")
    assert walk.first_difference() is None


def test_a_lost_guest_is_an_error(unit: Unit) -> None:
    def lost(scenario: Scenario) -> Result:
        return Result.of(replace(unit, scenario=scenario), Outcome.ERROR, "QEMU exited", details="its console")

    for ask in (Walk(unit, lost).first_difference, lambda: Walk(unit, lost).at(1)):
        with pytest.raises(GuestError, match="QEMU exited") as caught:
            ask()
        assert caught.value.details == "its console"
