# SPDX-License-Identifier: GPL-2.0-only
"""Slips in tasks, contexts, the table and the TLB: what is common to revisions and architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lazymmu.subject import behaviour
from lazymmu.subject.personality import is_valid
from lazymmu.subject.run import Call, Run
from lazymmu.subject.task import Task

Operation = Callable[[Call], None]


def replacing(**changed: Operation) -> type[Run]:
    """Return a run in which these operations do something else."""
    return type("Wrong", (Run,), {"behaviours": {**Run.behaviours, **changed}})


class StatePerCpu(Run):
    """The state is the CPU's: a task that comes to a CPU finds what is there."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.states = [self.task.state, self.revision.STATE()]
        for task in self.tasks.values():
            task.state = self.states[task.cpu]

    def steps(self, steps: Any) -> None:
        for step in steps:
            super().steps((step,))
            for task in self.tasks.values():
                task.state = self.states[task.cpu]


def in_interrupt_for_good(call: Call) -> None:
    """End every context around with this one."""
    call.run.in_interrupt = True
    call.run.steps(call.step.body)
    call.run.in_interrupt = False


def fork_without_state(call: Call) -> None:
    behaviour.fork(call)
    call.run.tasks[str(call.step.args["task"])].state = call.run.revision.STATE()


def fork_with_the_same_state(call: Call) -> None:
    behaviour.fork(call)
    call.run.tasks[str(call.step.args["task"])].state = call.run.task.state


def fork_runs_at_once(call: Call) -> None:
    behaviour.fork(call)
    call.run.task = call.named_task


def switch_without_leaving(call: Call) -> None:
    call.run.task = call.subject = call.named_task


def switch_recorded_for_the_task_before(call: Call) -> None:
    before = call.run.task
    behaviour.switch(call)
    call.subject = before


def migrate_without_leaving(call: Call) -> None:
    call.run.task.cpu = call.number("cpu")


def leaving_the_section(operation: Operation) -> Operation:
    """Call leave in the section of a task that leaves its CPU."""

    def changed(call: Call) -> None:
        if call.run.active:
            call.hook("l")
        operation(call)

    return changed


def ending_the_section(operation: Operation) -> Operation:
    """Give the task a fresh state when it leaves its CPU."""

    def changed(call: Call) -> None:
        call.run.task.state = call.run.revision.STATE()
        operation(call)

    return changed


def nothing(_call: Call) -> None:
    return


def outside_interrupt(operation: Operation) -> Operation:
    def changed(call: Call) -> None:
        if not call.run.in_interrupt:
            operation(call)

    return changed


def on_the_callers_state(name: str) -> Operation:
    def changed(call: Call) -> None:
        call.run.revision.CALLS[name](call.run.task.state, call)

    return changed


def counted(name: str) -> Operation:
    def changed(call: Call) -> None:
        call.run.count(name)
        call.run.revision.CALLS[name](call.named_task.state, call)

    return changed


def hook_of_the_named_task(name: str) -> Operation:
    """The hook, its digit and its effects are the named task's."""

    def changed(call: Call) -> None:
        caller, call.run.task = call.run.task, call.named_task
        call.run.revision.CALLS[name](call.run.task.state, call)
        call.run.task = caller

    return changed


class DigitOfTheNamedTask(Call):
    """The hook acts on the calling task, and its digit is about the named one."""

    def hook(self, letter: str) -> None:
        super().hook(letter)
        if self.step.op in ("pause_task", "resume_task"):
            self.hook_active = str(int(self.run.is_active(self.named_task)))


class DigitOfTheFlag(Call):
    """A hook in interrupt sees the task as active as its state says."""

    def hook(self, letter: str) -> None:
        super().hook(letter)
        self.hook_active = str(int(self.run.task.state.active))


class HookBeforeTheBeforeHook(Call):
    """What an architecture does comes before the steps of a before_hook."""

    def hook(self, letter: str) -> None:
        called = self.run.defined_hook(letter)
        self.run.model.hooks[called](self.run.task, self.entries if called == "w" else range(0))
        super().hook(letter)


class RangeTakenWhenNested(Run):
    """X takes its range where it calls no hook."""

    def steps(self, steps: Any) -> None:
        for step in steps:
            super().steps((step,))
            batch = getattr(self.model, "batch", None)
            if step.op == "enable_with_ptes" and batch and batch(self.task).entries is not None:
                batch(self.task).entries = Call(self, step).entries


def check_of_the_running_task(_call: Call) -> None:
    return


def set_pte_of_32_bits(call: Call) -> None:
    run, value = call.run, call.number("value") & 0xFFFFFFFF
    deferred = run.model.write(run.task, call.number("index"), value, active=run.active)
    run.count("deferred" if deferred else "direct")


def set_pte_counted_where_it_changes(call: Call) -> None:
    if call.run.memory[call.number("index")] != call.number("value"):
        behaviour.set_pte(call)


def set_pte_direct_in_the_count_only_outside(call: Call) -> None:
    """Count by the context, not by what became of the write."""
    run = call.run
    active = run.active
    run.model.write(run.task, call.number("index"), call.number("value"), active=active)
    run.count("deferred" if active else "direct")


def clear_answers_nothing(call: Call) -> None:
    behaviour.clear_pte(call)
    call.value = 0


def clear_answers_memory(call: Call) -> None:
    before = call.run.memory[call.number("index")]
    behaviour.clear_pte(call)
    call.value = before


def touch_is_true(call: Call) -> None:
    call.value = 1


def touch_of_any(call: Call) -> None:
    call.value = int(not call.run.model.outstanding)


def touch_completes(call: Call) -> None:
    behaviour.touch(call)
    call.run.model.leave_cpu(call.run.task)


def load_caches_everything(call: Call) -> None:
    run, index = call.run, call.number("index")
    call.value = run.tlb.setdefault(index, run.memory[index])


def load_never_caches(call: Call) -> None:
    call.value = call.run.memory[call.number("index")]


def load_reads_as_get(call: Call) -> None:
    run, index = call.run, call.number("index")
    value = run.tlb.get(index, run.model.read(run.task, index))
    if is_valid(value):
        run.tlb[index] = value
    call.value = value


def emptying_the_tlb(operation: Operation) -> Operation:
    def changed(call: Call) -> None:
        operation(call)
        call.run.tlb.clear()

    return changed


def written_through(operation: Operation) -> Operation:
    """A write drops the entry from the TLB."""

    def changed(call: Call) -> None:
        operation(call)
        call.run.tlb.pop(call.number("index"), None)

    return changed


def tlb_flush_of_one(call: Call) -> None:
    if call.run.tlb:
        call.run.tlb.popitem()


class OutstandingWrites(Run):
    """Outstanding are writes, not entries: an entry written twice counts twice."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        right = self.model.write
        again: list[int] = []

        def write(task: Task, index: int, value: int, *, active: bool) -> bool:
            if index in self.model.outstanding:
                again.append(index)
            deferred = right(task, index, value, active=active)
            if again and deferred:
                self.model.outstanding[1000 + len(again)] = task.cpu  # type: ignore[index]
            return deferred

        self.model.write = write  # type: ignore[method-assign]
