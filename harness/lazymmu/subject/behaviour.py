# SPDX-License-Identifier: GPL-2.0-only
"""What a step of each operation does, in every revision and under every personality.

Each function takes the step under way. Contexts, tasks, counting and the table are here and in `run.py`; what a call
of the API does to a task's state is the revision's, what a write or a hook does is the personality's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lazymmu.subject.case import Step
from lazymmu.subject.personality import is_valid
from lazymmu.subject.task import Task

if TYPE_CHECKING:
    from lazymmu.subject.simulated_run import Call


class PreemptionOff(Exception):
    """The case comes to a step at which the running task must leave its CPU, and cannot."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


def api_call(call: Call) -> None:
    """Enable and the like: counted with or without effect, and without effect in interrupt.

    docs/semantics.md, "Revisions": in every revision they do nothing there, no hook and no warning.
    """
    run, operation = call.run, call.step.op
    run.count(operation)
    if not run.in_interrupt:
        run.rules.calls[operation](run.task.state, call)


def flush(call: Call) -> None:
    """Call arch_flush in any context and state, interrupt included (docs/semantics.md, "Common rules")."""
    call.run.count("flush")
    call.hook("f")


def pause_task(call: Call) -> None:
    """P on the named task's state, in interrupt too; its hook is the calling task's. Not counted as a call."""
    call.run.rules.calls["pause"](call.named_task.state, call)


def resume_task(call: Call) -> None:
    """R on the named task's state, in interrupt too; its hook is the calling task's. Not counted as a call."""
    call.run.rules.calls["resume"](call.named_task.state, call)


def check(call: Call) -> None:
    """Do nothing: the step's record, of the task named if any, is what the author's assertion is held against."""
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
    """Write an entry: each write counts as deferred or direct."""
    run = call.run
    deferred = run.personality.write(run.task, call.number("index"), value, active=run.active)
    run.count("deferred" if deferred else "direct")


def get_pte(call: Call) -> None:
    """Answer the entry as the personality reads it."""
    run = call.run
    call.value = run.personality.read(run.task, call.number("index"))


def touch(call: Call) -> None:
    """Answer 1 when the last write to the entry has taken full effect, or there was none; else 0."""
    call.value = int(call.number("index") not in call.run.personality.outstanding)


def load(call: Call) -> None:
    """Answer the TLB's entry; without one memory's, which the TLB keeps if it is valid."""
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
    """Run the body in what the kernel calls in interrupt, on top of the running task; the step itself ends outside."""
    run = call.run
    before, run.in_interrupt = run.in_interrupt, True
    run.steps(call.step.body)
    run.in_interrupt = before


def irqs_off(call: Call) -> None:
    """Run the body with interrupts off, which is not in interrupt."""
    call.run.steps(call.step.body)


def switch(call: Call) -> None:
    """Leave the CPU to the named task, on the CPU where that one is."""
    _leave_cpu(call)
    call.run.task = call.subject = call.named_task


def migrate(call: Call) -> None:
    """Leave the CPU, and go on on another one."""
    _leave_cpu(call)
    call.run.task.cpu = call.number("cpu")


def sleep(call: Call) -> None:
    """Leave the CPU, and come back to it. How long is no part of what happens."""
    _leave_cpu(call)


def _leave_cpu(call: Call) -> None:
    """Make the running task leave its CPU, which it can only with preemption on."""
    _need_preemption(call)
    call.run.personality.leave_cpu(call.run.task)


def fork(call: Call) -> None:
    """Make a task with a copy of the running task's state, on the same CPU; it does not run yet."""
    _need_preemption(call)
    run, name = call.run, str(call.step.args["task"])
    child = run.tasks[name] = Task(name, run.task.cpu, copy.copy(run.task.state))
    run.personality.fork(run.task, child)


def _need_preemption(call: Call) -> None:
    """Raise PreemptionOff where preemption is off."""
    if call.run.personality.preemption_off(call.run.task):
        raise PreemptionOff(call.step)


#: Operation -> what a step of it does.
OPERATIONS: Mapping[str, Callable[[Call], None]] = {
    "enable": api_call,
    "disable": api_call,
    "pause": api_call,
    "resume": api_call,
    "enable_with_ptes": api_call,
    "flush": flush,
    "pause_task": pause_task,
    "resume_task": resume_task,
    "check": check,
    "set_pte": set_pte,
    "clear_pte": clear_pte,
    "get_pte": get_pte,
    "touch": touch,
    "load": load,
    "tlb_flush": tlb_flush,
    "interrupt": in_interrupt,
    "softirq": in_interrupt,
    "bh_disabled": in_interrupt,
    "irqs_off": irqs_off,
    "switch": switch,
    "migrate": migrate,
    "sleep": sleep,
    "fork": fork,
}
