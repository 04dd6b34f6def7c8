# SPDX-License-Identifier: GPL-2.0-only
"""What holds for every program, on random ones (docs/semantics.md, "Revisions")."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from lazymmu.subject.case import Case
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace

from .notation import case, final_state, play, to_the_end
from .strategies import CALLS_AND_X, LAW, balanced, programs

ARCHES = st.sampled_from(sorted(PERSONALITIES))
APIS = st.sampled_from(sorted(REVISIONS))


def seen(step: StepTrace) -> tuple[object, ...]:
    """Return what a step did, its number and the counters aside."""
    return (step.op, step.hooks, step.hook_active, step.active, dict(step.state))


@LAW
@given(balanced(sections_only=False), ARCHES)
def test_merged_balanced_nesting_ends_in_the_initial_state(program: str, arch: str) -> None:
    trace = play(program, "merged", arch)
    assert final_state(trace) == (0, 0)
    assert trace.counters["warnings"] == 0


@LAW
@given(balanced(sections_only=True), st.sampled_from(["proposal", "amended"]), ARCHES)
def test_proposal_balanced_sections_end_in_the_initial_state(program: str, api: str, arch: str) -> None:
    assert final_state(play(program, api, arch)) == (0, False)


def assert_entered_is_active(trace: Trace) -> None:
    """Without a wrap, each change of active called one hook: enters minus leaves is 0 or 1, and says active."""
    entered = trace.hooks.count("e") - trace.hooks.count("l")
    assert entered == int(trace.tasks["main"]["active"])


@LAW
@given(balanced(sections_only=False), st.data())
def test_merged_enters_minus_leaves_is_active_at_each_step_of_a_right_use(program: str, data: st.DataObject) -> None:
    steps = case(program).steps
    length = data.draw(st.integers(0, len(steps)))
    assert_entered_is_active(to_the_end(Case(values={}, steps=steps[:length]), "merged", "arm64"))


@LAW
@given(programs(CALLS_AND_X, interrupts=False, before_hooks=0), ARCHES)
def test_proposal_count_is_enables_minus_disables(program: str, arch: str) -> None:
    trace = play(program, "amended", arch)
    counters = trace.counters
    levels = counters["enable"] + counters["enable_with_ptes"] - counters["disable"]
    assert trace.tasks["main"]["count"] == levels % 256


@LAW
@given(programs(), APIS, ARCHES)
def test_interrupts_change_nothing_but_call_counters_and_flushes(program: str, api: str, arch: str) -> None:
    """An interrupt block cannot hold another, so the text without blocks is found by a simple pattern."""
    with_blocks, without = case(program), case(re.sub(r"I\{[^}]*\}", "", program))
    in_blocks = {step.index for block in with_blocks.walk() if block.op == "interrupt" for step in block.walk()}
    trace, bare = to_the_end(with_blocks, api, arch), to_the_end(without, api, arch)

    assert [seen(step) for step in trace.steps if step.index not in in_blocks] == [seen(step) for step in bare.steps]
    assert trace.tasks == bare.tasks
    changed = {name for name, value in trace.counters.items() if value != bare.counters[name]}
    assert changed <= {*CALLS, "arch_flush"}
    for step in trace.steps:
        if step.index in in_blocks and step.op != "interrupt":
            assert step.active is False
            assert (step.hooks, step.hook_active) == (("f", "0") if step.op == "flush" else ("", ""))


@LAW
@given(programs(), APIS, ARCHES)
def test_records_add_up_to_the_trace(program: str, api: str, arch: str) -> None:
    trace = play(program, api, arch)
    assert "".join(step.hooks for step in trace.steps) == trace.hooks
    assert "".join(step.hook_active for step in trace.steps) == trace.hook_active
    assert len(trace.hooks) == len(trace.hook_active)

    counters = dict.fromkeys(trace.counters, 0)
    for step in trace.steps:
        assert all(value > counters[name] for name, value in step.counters.items())
        counters.update(step.counters)
    assert counters == trace.counters

    letters = Counter(trace.hooks)
    assert {name: trace.counters[name] for name in HOOKS.values()} == {HOOKS[key]: letters[key] for key in HOOKS}
    operations = Counter(step.op for step in trace.steps)
    assert {name: trace.counters[name] for name in CALLS} == {name: operations[name] for name in CALLS}


@LAW
@given(programs(CALLS_AND_X), ARCHES)
def test_amended_is_the_proposal_under_other_hooks(program: str, arch: str) -> None:
    amended, proposal = play(program, "amended", arch), play(program.replace("X", "E"), "proposal", arch)
    assert amended.hooks.translate(str.maketrans("prw", "lee")) == proposal.hooks
    assert amended.hook_active == proposal.hook_active
    assert amended.tasks == proposal.tasks
    assert [step.state for step in amended.steps] == [step.state for step in proposal.steps]


@LAW
@given(programs(CALLS_AND_X), st.sampled_from([name for name in PERSONALITIES if name != "s390x"]))
def test_a_personality_without_pause_hooks_never_shows_them(program: str, arch: str) -> None:
    assert not set("pr") & set(play(program, "amended", arch).hooks)


@LAW
@given(programs(), st.sampled_from(["proposal", "merged"]))
def test_revisions_without_optional_hooks_are_the_same_on_every_architecture(program: str, api: str) -> None:
    steps = [[(seen(step), step.counters) for step in play(program, api, arch).steps] for arch in sorted(PERSONALITIES)]
    assert all(others == steps[0] for others in steps)


@LAW
@given(programs(), APIS, ARCHES, st.data())
def test_the_start_of_a_program_gives_the_start_of_its_records(
    program: str, api: str, arch: str, data: st.DataObject
) -> None:
    steps = case(program).steps
    length = data.draw(st.integers(0, len(steps)))
    start = to_the_end(Case(values={}, steps=steps[:length]), api, arch)
    whole = to_the_end(Case(values={}, steps=steps), api, arch)
    assert whole.steps[: len(start.steps)] == start.steps
    assert whole.hooks.startswith(start.hooks)
