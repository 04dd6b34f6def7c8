# SPDX-License-Identifier: GPL-2.0-only
"""The effects of each operation in the simulator, in every revision and under every personality.

`simulator.py` has the run around it. `revisions/` have what a call of the API does to a task's state, `personalities/`
what a write or a hook does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lazymmu.subject.case import Step
from lazymmu.subject.personality import Task, is_valid

if TYPE_CHECKING:
    from lazymmu.subject.simulator import Call


class PreemptionOff(Exception):
    """The running task must leave its CPU at this step, and cannot."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


def api_call(call: Call) -> None:
    """Count a call of the API, and make it unless in interrupt (docs/semantics.md, "Revisions")."""
    run, operation = call.run, call.step.op
    run.count(operation)
    if not run.in_interrupt:
        run.revision.CALLS[operation](run.task.state, call)


def flush(call: Call) -> None:
    """Call arch_flush in any context and state, interrupt included (docs/semantics.md, "Common rules")."""
    call.run.count("flush")
    call.hook("f")


def task_call(call: Call) -> None:
    """Make a call on the named task's state, in interrupt too. The hook is the calling task's."""
    call.run.revision.CALLS[call.step.op](call.named_task.state, call)


def check(call: Call) -> None:
    """Do nothing but record the state, of the named task if there is one: the author's assertion is about it."""
    if call.step.args:
        call.subject = call.named_task


def set_pte(call: Call) -> None:
    """Store a value."""
    _write(call, call.number("value"))


def clear_pte(call: Call) -> None:
    """Store 0, and answer what get_pte would have answered."""
    get_pte(call)
    _write(call, 0)


def _write(call: Call, value: int) -> None:
    """Write an entry, and count the write as deferred or direct."""
    run = call.run
    deferred = run.model.write(run.task, call.number("index"), value, active=run.active)
    run.count("deferred" if deferred else "direct")


def get_pte(call: Call) -> None:
    """Answer the entry as the personality reads it."""
    run = call.run
    call.value = run.model.read(run.task, call.number("index"))


def touch(call: Call) -> None:
    """Answer 1 if the last write to the entry has taken full effect, or there was none; else 0."""
    call.value = int(call.number("index") not in call.run.model.outstanding)


def load(call: Call) -> None:
    """Answer the TLB's entry, or else memory's, which the TLB then keeps if it is valid."""
    run, index = call.run, call.number("index")
    value = run.tlb.get(index)
    if value is None:
        value = run.memory[index]
        if is_valid(value):
            run.tlb[index] = value
    call.value = value


def tlb_flush(call: Call) -> None:
    """Empty the TLB."""
    call.run.tlb.clear()


def in_interrupt(call: Call) -> None:
    """Run the body in interrupt, on top of the running task. The step itself ends outside."""
    run = call.run
    before, run.in_interrupt = run.in_interrupt, True
    run.steps(call.step.body)
    run.in_interrupt = before


def irqs_off(call: Call) -> None:
    """Run the body with interrupts off, which is not in interrupt."""
    call.run.steps(call.step.body)


def switch(call: Call) -> None:
    """Let the named task run, on the CPU where it is."""
    leave_cpu(call)
    call.run.task = call.subject = call.named_task


def migrate(call: Call) -> None:
    """Move the running task to another CPU."""
    leave_cpu(call)
    call.run.task.cpu = call.number("cpu")


def leave_cpu(call: Call) -> None:
    """Make the running task leave its CPU. After a `sleep` it comes back; the time makes no difference."""
    _need_preemption(call)
    call.run.model.leave_cpu(call.run.task)


def fork(call: Call) -> None:
    """Make a task with a copy of the running task's state, on the same CPU. It does not run yet."""
    _need_preemption(call)
    run, name = call.run, str(call.step.args["task"])
    child = run.tasks[name] = Task(name, run.task.cpu, copy.copy(run.task.state))
    run.model.fork(run.task, child)


def _need_preemption(call: Call) -> None:
    """Raise PreemptionOff if preemption is off."""
    if call.run.model.preemption_off(call.run.task):
        raise PreemptionOff(call.step)


#: Operation -> what a step of it does.
BEHAVIOURS: Mapping[str, Callable[[Call], None]] = {
    **dict.fromkeys(("enable", "disable", "pause", "resume", "enable_with_ptes"), api_call),
    **dict.fromkeys(("pause_task", "resume_task"), task_call),
    **dict.fromkeys(("interrupt", "softirq", "bh_disabled"), in_interrupt),
    **{one.__name__: one for one in (flush, check, set_pte, clear_pte, get_pte, touch, load, tlb_flush)},
    **{one.__name__: one for one in (irqs_off, switch, migrate, fork)},
    "sleep": leave_cpu,
}
