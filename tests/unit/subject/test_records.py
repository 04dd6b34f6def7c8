# SPDX-License-Identifier: GPL-2.0-only
"""What a step's record holds, the order of records, and the sums of the whole trace.

docs/protocol.md, "Report", has the rules of order and of when a call and a hook are counted.
"""

import time
from collections.abc import Callable

import pytest
from lazymmu.subject.counters import counter_names
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, in_call_order
from lazymmu.support.errors import UsageError

from tests.unit.rows import each_row

from .notation import case, play, to_the_end, valid


def counted(program: str, api: str, arch: str = "arm64") -> list[tuple[str, dict[str, int]]]:
    """Return operation and counters of each record."""
    return [(step.op, dict(step.counters)) for step in play(program, api, arch).steps]


def test_nested_steps_come_before_the_step_that_holds_them() -> None:
    trace = play("E[P R] I{F C} D", "merged")
    assert [(step.index, step.op) for step in trace.steps] == [
        (1, "pause"),
        (2, "resume"),
        (0, "enable"),
        (4, "flush"),
        (5, "check"),
        (3, "interrupt"),
        (6, "disable"),
    ]
    assert [step.hooks for step in trace.steps] == ["l", "e", "e", "f", "", "", "l"]
    assert [step.hook_active for step in trace.steps] == ["0", "1", "1", "0", "", "", "0"]


def test_a_record_has_the_counters_that_changed_since_the_record_before() -> None:
    assert counted("E E D D", "merged") == [
        ("enable", {"enable": 1, "arch_enter": 1}),
        ("enable", {"enable": 2}),
        ("disable", {"disable": 1, "arch_flush": 1}),
        ("disable", {"disable": 2, "arch_leave": 1}),
    ]


def test_a_call_is_counted_when_it_begins_and_a_hook_when_it_is_called() -> None:
    assert counted("X[C]", "amended") == [
        ("check", {"enable_with_ptes": 1}),
        ("enable_with_ptes", {"arch_enter_with_ptes": 1}),
    ]


def test_a_switch_has_the_hooks_of_all_that_it_moves_in_one_record() -> None:
    """xen pauses who leaves and whom that displaces, and resumes who comes."""
    trace = play("task(b,1) task(a,1) switch(b) E switch(main) meanwhile(a){E} E switch(b)", "merged", "xen")
    assert [(step.op, step.task, step.hooks, step.hook_active) for step in trace.steps] == [
        ("switch", "b", "", ""),
        ("enable", "b", "e", "1"),
        ("switch", "main", "l", "0"),
        ("enable", "a", "e", "1"),
        ("meanwhile", "main", "", ""),
        ("enable", "main", "e", "1"),
        ("switch", "b", "lle", "001"),
    ]
    assert (trace.hooks, trace.hook_active) == ("eleelle", "1011001")


def test_a_meanwhile_is_recorded_at_its_end_and_its_hooks_come_first() -> None:
    trace = play("task(o,1) switch(o) E switch(main) meanwhile(o){F C} F", "merged", "xen")
    assert [(step.index, step.op, step.task, step.hooks) for step in trace.steps[3:]] == [
        (4, "flush", "o", "f"),
        (5, "check", "o", ""),
        (3, "meanwhile", "main", "e"),
        (6, "flush", "main", "f"),
    ]
    assert [step.index for step in in_call_order(trace.steps)] == [0, 1, 2, 3, 4, 5, 6]
    assert (trace.hooks, trace.hook_active) == ("eleff", "10110")


def test_what_a_meanwhile_counts_before_its_list_is_in_the_first_record_of_that() -> None:
    assert counted("task(o,1) switch(o) E switch(main) meanwhile(o){C F}", "merged", "xen")[3:] == [
        ("check", {"arch_enter": 2}),
        ("flush", {"flush": 1, "arch_flush": 1}),
        ("meanwhile", {}),
    ]


@each_row(
    ("program", "order"),
    [
        ("E[P R] D", [1, 2, 0, 3]),
        # In a before_hook: its call's record comes after it all the same.
        ("task(o,1) switch(o) E switch(main) E[F meanwhile(o){F} F] F", [0, 1, 2, 4, 5, 6, 7, 3, 8]),
        # A before_hook in it, and one after it whose steps have higher numbers.
        ("task(o,1) switch(o) E switch(main) meanwhile(o){F[F]} F[F]", [0, 1, 2, 3, 5, 4, 7, 6]),
        # Two of one list.
        (
            "task(o,1) task(p,1) switch(o) E switch(p) E switch(main) B{meanwhile(o){F} meanwhile(p){F}} F",
            [0, 1, 2, 3, 4, 6, 7, 8, 9, 5, 10],
        ),
    ],
)
def test_records_are_put_in_the_order_of_their_hooks(program: str, order: list[int]) -> None:
    trace = play(program, "merged", "xen")
    ordered = in_call_order(trace.steps)
    assert [step.index for step in ordered] == order
    assert "".join(step.hooks for step in ordered) == trace.hooks
    assert "".join(step.hook_active for step in ordered) == trace.hook_active


def test_a_step_that_moves_a_task_shows_the_one_that_runs_after_it() -> None:
    trace = play("task(o,1) E switch(o) fork(c) migrate(0) sleep(1) switch(c)", "merged")
    assert [(step.op, step.task, step.active) for step in trace.steps] == [
        ("enable", "main", True),
        ("switch", "o", False),
        ("fork", "o", False),
        ("migrate", "o", False),
        ("sleep", "o", False),
        ("switch", "c", False),
    ]


def test_a_sleep_is_counted_where_the_step_begins() -> None:
    assert counted("E sleep(1)", "merged", "s390x")[1:] == [("sleep", {"atomic_sleeps": 1})]
    assert counted("B{might}", "merged") == [("might_sleep", {"atomic_sleeps": 1}), ("bh_disabled", {})]


def test_a_warning_is_counted_before_the_hook() -> None:
    assert counted("D[C]", "merged") == [
        ("check", {"disable": 1, "warnings": 1}),
        ("disable", {"arch_flush": 1}),
    ]


def test_an_interrupt_is_recorded_at_its_end_as_the_interrupted_task_sees_it() -> None:
    steps = play("E I{C E F} D", "merged").steps
    assert [step.op for step in steps] == ["enable", "check", "enable", "flush", "interrupt", "disable"]
    assert [step.active for step in steps] == [True, False, False, False, True, False]
    assert [dict(step.counters) for step in steps[1:5]] == [{}, {"enable": 2}, {"flush": 1, "arch_flush": 1}, {}]
    assert [step.state["enable_count"] for step in steps] == [1, 1, 1, 1, 1, 0]
    assert steps[4].hooks == ""


@each_row(("api", "active"), [("proposal", False), ("merged", True)])
def test_an_interrupt_before_enter_ends_as_active_as_the_revision_has_it_there(api: str, active: bool) -> None:
    (interrupt,) = (step for step in play("E[I{C}]", api).steps if step.op == "interrupt")
    assert interrupt.active is active


def test_a_check_leaves_a_record_and_does_nothing_else() -> None:
    assert play("C", "proposal", "s390x").steps == (
        StepTrace(
            index=0,
            op="check",
            task="main",
            hooks="",
            hook_active="",
            active=False,
            state={"count": 0, "enabled": False},
            outstanding=0,
            counters={},
        ),
    )


@each_row("api", REVISIONS)
def test_state_has_the_names_order_and_types_of_the_revision(api: str) -> None:
    trace = play("E", api)
    names = state_fields(REVISIONS[api])
    assert [(name, type(value)) for name, value in trace.steps[0].state.items()] == list(names)
    # The flag of v4 has the same name as what every task has beside its state, and is the same, outside interrupt.
    named = list(dict.fromkeys([*names, ("active", bool)]))
    assert [(name, type(value)) for name, value in trace.tasks["main"].items()] == named


@each_row("api", REVISIONS)
@each_row("arch", PERSONALITIES)
def test_every_counter_of_the_personality_is_there_even_if_nothing_ran(api: str, arch: str) -> None:
    trace = play("", api, arch)
    assert trace.counters == dict.fromkeys(counter_names(arch), 0)
    assert tuple(trace.counters) == counter_names(arch)
    assert (trace.hooks, trace.hook_active, trace.steps) == ("", "", ())
    assert (trace.values, trace.outstanding, trace.table) == ((), 0, {})
    assert trace.tasks.keys() == {"main"}


@each_row("api", REVISIONS)
@each_row(
    ("program", "operation"),
    [("X", "enable_with_ptes"), ("I{X}", "enable_with_ptes"), ("E[resume(main)]", "resume_task")],
)
def test_an_operation_that_the_revision_lacks_is_refused_at_every_place(api: str, program: str, operation: str) -> None:
    if operation in REVISIONS[api].CALLS:
        return
    with pytest.raises(UsageError, match=f"revision {api} has no operation {operation}"):
        play(program, api)


def test_answers_are_in_their_records_and_in_order_in_the_trace() -> None:
    trace = play("W(3) get(3) I{touch(3)} clear(3) C load(3) peek(3)", "merged")
    assert [(step.op, step.value) for step in trace.steps] == [
        ("set_pte", None),
        ("get_pte", valid(3)),
        ("touch", 1),
        ("interrupt", None),
        ("clear_pte", valid(3)),
        ("check", None),
        ("load", 0),
        ("peek", 0),
    ]
    assert trace.values == (valid(3), 1, valid(3), 0, 0)


def test_tasks_are_main_then_declared_then_forked() -> None:
    trace = play("task(b,1) task(a,0) fork(d) fork(c) switch(a) E", "merged", "arm64")
    assert list(trace.tasks) == ["main", "b", "a", "d", "c"]
    assert [step.task for step in trace.steps] == ["main", "main", "a", "a"]
    assert trace.tasks["a"] == {"enable_count": 1, "pause_count": 0, "active": True}


def test_a_check_of_another_task_records_that_one() -> None:
    steps = play(
        "task(other,1) E C(other) fork(child) I{C(child)} C(child) C(main) switch(other) C(main)", "merged"
    ).steps
    checks = [(step.task, step.active, step.state["enable_count"]) for step in steps if step.op == "check"]
    assert checks == [
        ("other", False, 0),
        ("child", False, 1),
        ("child", True, 1),
        ("main", True, 1),
        ("main", True, 1),
    ]
    assert [step.task for step in steps if step.op != "check"] == ["main", "main", "main", "other"]


def test_only_s390x_defines_the_optional_hooks() -> None:
    # Only s390x defines them (docs/semantics.md, "Proposal and amended").
    assert [name for name in PERSONALITIES if {*"pr"} & hooks(name)] == ["s390x"]
    assert {*"pr"} <= hooks("s390x")
    assert all(hooks(name) - {*"pr"} == {*"elfw"} for name in PERSONALITIES)


def hooks(personality: str) -> set[str]:
    return {*PERSONALITIES[personality].MODEL([], lambda counter, number=1: None).hooks}


def test_a_long_case_of_writes_is_predicted_fast(everyday_or_all: Callable[[int, int], int]) -> None:
    """Outstanding entries are not counted again at each step."""
    sections = everyday_or_all(64, 508)  # 508 of 129 steps are the longest case
    section = f"X(0,256) {' '.join(f'W({entry})' for entry in range(0, 254, 2))} D "
    played = case(section * sections)
    began = time.process_time()
    trace = to_the_end(played, "with-ptes", "s390x")
    assert time.process_time() - began < 5  # seconds; about 0.5 for the longest case on a slow machine
    assert (trace.counters["deferred"], trace.outstanding) == (sections * 127, 0)
