# SPDX-License-Identifier: GPL-2.0-only
"""What a trace of the running kernel's own implementation shows (docs/native.md)."""

import msgspec
import pytest
from lazymmu.subject.counters import HOOKS
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


@each_row("arch", ["arm64", "x86_64"])
def test_the_page_table_is_in_no_part_of_the_trace_and_the_rest_is_as_usual(arch: str) -> None:
    trace = native(WRITES, arch)
    document = trace.to_json(steps=True)
    assert set(document) == {"hooks", "hook_active", "counters", "tasks", "steps"}
    assert set(document["counters"]) == {*CALLS, *HOOKS.values()}
    for step in document["steps"]:
        assert not {"outstanding", "value"} & set(step)
        assert set(step["counters"]) <= {*CALLS, *HOOKS.values()}
    assert msgspec.convert(document, Trace, str_keys=True) == trace
    whole = play(WRITES, "merged", arch)
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


def test_the_other_cpu_and_sleeping_are_not_seen() -> None:
    trace = native("task(o,1) E meanwhile(o){E W(3) peek(3) might} B{might} peek(3) D", "arm64")
    assert (trace.hooks, trace.values) == ("eel", None)
    assert [step.value for step in trace.steps] == [None] * len(trace.steps)
    assert set(trace.counters) == {*CALLS, *HOOKS.values()}
    assert [step.state["pending"] for step in trace.steps if step.task == "o"] == [False, True, True, True]


def test_a_fork_cannot_be_predicted() -> None:
    with pytest.raises(UsageError, match="no operation fork"):
        native("fork(child) switch(child)", "arm64")
