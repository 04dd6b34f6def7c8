# SPDX-License-Identifier: GPL-2.0-only
"""The effects of each operation in the simulator, in every revision and under every personality.

`simulator.py` has the run around it. `revisions/` have what a call of the API does to a task's state, `personalities/`
what a write, a hook or a switch does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lazymmu.subject.limits import MAIN_TASK, MAX_TASKS
from lazymmu.subject.personality import is_valid

if TYPE_CHECKING:
    from lazymmu.subject.simulator import Call


def api_call(call: Call) -> None:
    """Count a call of the API, and make it unless in interrupt (docs/semantics.md, "Revisions")."""
    run, step = call.run, call.step
    if step.ends:
        began = run.begun.pop()
        if began is not run.task:
            where = f"begins in task `{began.name}` and ends in `{run.task.name}`"
            call.misplaced(f"`{step.ends}` {where}: switch back before its end")
    run.count(step.op)
    if not run.in_interrupt:
        run.revision.CALLS[step.op](run.task.state, call)
    if step.begins:
        run.begun.append(run.task)


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


def peek(call: Call) -> None:
    """Answer what is in memory, whatever waits: what another CPU sees."""
    call.value = call.run.memory[call.number("index")]


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
    _run_body(call, in_interrupt=True, atomic=True)


def irqs_off(call: Call) -> None:
    """Run the body with interrupts off, which is not in interrupt."""
    _run_body(call, in_interrupt=False, atomic=True)


def meanwhile(call: Call) -> None:
    """Run the body in a task of the other CPU, in no context, while the running task stays where it is."""
    run, task = call.run, call.named_task
    if task.cpu == run.task.cpu:
        whom = "runs already" if task is run.task else f"is on CPU {task.cpu}, as the running task `{run.task.name}`"
        call.misplaced(f"task `{task.name}` {whom}: `meanwhile` needs a task of the other CPU")
    run.bring(task, call)
    running, run.task = run.task, task
    _run_body(call, in_interrupt=False, atomic=False)
    run.task = running


def _run_body(call: Call, *, in_interrupt: bool, atomic: bool) -> None:
    run = call.run
    outside = run.in_interrupt, run.atomic
    run.in_interrupt, run.atomic = in_interrupt, atomic
    run.steps(call.step.body)
    run.in_interrupt, run.atomic = outside


def switch(call: Call) -> None:
    """Let the named task run, on the CPU where it is."""
    run, task = call.run, call.named_task
    if task is run.task:
        call.misplaced(f"task `{task.name}` runs already")
    might_sleep(call)
    run.switch_out(run.task, call)
    run.bring(task, call)
    run.task = call.subject = task


def migrate(call: Call) -> None:
    """Move the running task to another CPU."""
    run, task, cpu = call.run, call.run.task, call.number("cpu")
    if cpu == task.cpu:
        call.misplaced(f"task `{task.name}` is on CPU {cpu} already")
    might_sleep(call)
    run.switch_out(task, call)
    task.cpu = cpu
    run.bring(task, call)


def sleep(call: Call) -> None:
    """Switch the running task out, and in again; the time makes no difference."""
    might_sleep(call)
    run = call.run
    run.switch_out(run.task, call)
    run.bring(run.task, call)


def fork(call: Call) -> None:
    """Make a task with a copy of the running task's state, on the same CPU. It is not present."""
    run, name = call.run, str(call.step.args["task"])
    if name in run.tasks:
        call.misplaced(f"task `{name}` exists already: a `fork` needs a new name")
    if len(run.tasks) == MAX_TASKS:
        call.misplaced(f"more than {MAX_TASKS} tasks with `{MAIN_TASK}`")
    might_sleep(call)
    child = run.new_task(name, run.task.cpu, copy.copy(run.task.state))
    run.model.fork(run.task, child)


def might_sleep(call: Call) -> None:
    """Count a sleep in atomic context, if the running or interrupted task may not sleep here."""
    run = call.run
    if run.atomic or run.task.hold != 0:
        run.count("atomic_sleeps")


#: Operation -> what a step of it does.
BEHAVIOURS: Mapping[str, Callable[[Call], None]] = {
    **dict.fromkeys(("enable", "disable", "pause", "resume", "enable_with_ptes"), api_call),
    **dict.fromkeys(("pause_task", "resume_task"), task_call),
    **dict.fromkeys(("interrupt", "softirq", "bh_disabled"), in_interrupt),
    **{one.__name__: one for one in (flush, check, set_pte, clear_pte, get_pte, peek, touch, load, tlb_flush)},
    **{one.__name__: one for one in (irqs_off, meanwhile, switch, migrate, sleep, fork, might_sleep)},
}
