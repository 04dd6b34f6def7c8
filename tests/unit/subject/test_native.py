# SPDX-License-Identifier: GPL-2.0-only
"""What a trace of the running kernel's own implementation shows (docs/native.md)."""

import msgspec
import pytest
from lazymmu.subject.counters import CHECKS, HOOKS
from lazymmu.subject.implementations import NATIVE
from lazymmu.subject.operations import CALLS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import UsageError

from tests.unit.rows import each_row

from .notation import case, play

WRITES = "task(other,1) E W(0,4096) W(0,4097) touch(0) switch(other) get(0) switch(main) E D"


def native(program: str, arch: str) -> Trace:
    return predict(case(program), "merged", arch, NATIVE)


def test_where_writes_are_not_observed_the_page_table_is_in_no_part_of_the_trace() -> None:
    trace = native(WRITES, "x86_64")
    document = trace.to_json(steps=True)
    assert set(document) == {"hooks", "hook_active", "counters", "tasks", "steps"}
    assert set(document["counters"]) == {*CALLS, *HOOKS.values()}
    for step in document["steps"]:
        assert not {"outstanding", "value"} & set(step)
        assert set(step["counters"]) <= {*CALLS, *HOOKS.values()}
    assert msgspec.convert(document, Trace, str_keys=True) == trace
    whole = play(WRITES, "merged", "x86_64")
    assert (trace.hooks, trace.hook_active) == (whole.hooks, whole.hook_active) == ("ef", "11")
    assert [(step.op, step.task, step.active) for step in trace.steps] == [
        (step.op, step.task, step.active) for step in whole.steps
    ]


def test_arm64_shows_the_pending_flag_of_each_task() -> None:
    trace = native(WRITES, "arm64")
    # An invalid value needs no barrier; a switch leaves the flag; the nested disable's flush clears it.
    flags = "".join(str(int(step.state["pending"])) for step in trace.steps)
    assert flags == "001100110"
    assert trace.tasks["main"] == {"enable_count": 1, "pause_count": 0, "pending": False, "active": True}


@each_row("checks", [(), ("warnings",), ("atomic_sleeps",), CHECKS])
def test_what_a_check_of_the_kernel_finds_is_seen_where_the_kernel_has_it(checks: tuple[str, ...]) -> None:
    program = "R B{might might} might I{might}"
    trace = predict(case(program), "merged", "arm64", NATIVE, checks)
    assert {*trace.counters} & {*CHECKS} == {*checks}
    # The kernel complains of the first place only, and the model knows of three.
    assert [trace.counters[name] for name in checks] == [1] * len(checks)
    assert play(program, "merged", "arm64").counters["atomic_sleeps"] == 3
    assert sum("atomic_sleeps" in step.counters for step in trace.steps) == ("atomic_sleeps" in checks)


def test_arm64_shows_what_is_deferred_until_which_barrier() -> None:
    program = "task(o,1) E W(3) meanwhile(o){E W(4) peek(4)} touch(3) touch(4) F touch(3) touch(4) load(3) D"
    trace, whole = native(program, "arm64"), play(program, "merged", "arm64")
    assert trace.values == whole.values
    assert (trace.table, trace.outstanding) == (whole.table, whole.outstanding)
    assert {**trace.counters, "warnings": 0, "atomic_sleeps": 0} == whole.counters
    assert [step.state["pending"] for step in trace.steps if step.task == "o"] == [False, True, True]


def test_a_fork_cannot_be_predicted() -> None:
    with pytest.raises(UsageError, match="no operation fork"):
        native("fork(child) switch(child)", "arm64")
