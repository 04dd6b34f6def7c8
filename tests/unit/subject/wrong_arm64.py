# SPDX-License-Identifier: GPL-2.0-only
"""Slips in what arm64 puts off."""

from __future__ import annotations

from lazymmu.subject.personalities.arm64 import Arm64
from lazymmu.subject.personality import Count, PersonalityModel, is_valid
from lazymmu.subject.task import Task

NOTHING = range(0)


class FlagStaysAfterFlush(Arm64):
    def complete(self, task: Task, entries: range) -> None:
        pending = task.name in self.pending
        super().complete(task, entries)
        if pending:
            self.pending.add(task.name)


class FlushIsNothing(Arm64):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "f": lambda task, entries: None}


class BarrierWithoutFlag(Arm64):
    def complete(self, task: Task, _entries: range) -> None:
        self.barrier(task.cpu)
        self.pending.discard(task.name)


class DirectBarrierClearsFlag(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        deferred = super().write(task, index, value, active=active)
        if is_valid(value) and not deferred:
            self.pending.discard(task.name)
        return deferred


class DirectWriteSetsFlag(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        deferred = super().write(task, index, value, active=active)
        if is_valid(value):
            self.pending.add(task.name)
        return deferred


class BarrierForInvalid(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        deferred = super().write(task, index, value, active=active)
        if not is_valid(value):
            self.barrier(task.cpu)
        return deferred


class InvalidIsDeferred(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(task, index, value, active=active) or active


class InvalidLeavesOutstanding(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        before = self.outstanding.get(index)
        deferred = super().write(task, index, value, active=active)
        if before and not is_valid(value):
            self.outstanding[index] = before
        return deferred


class ClearDropsFlag(Arm64):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        deferred = super().write(task, index, value, active=active)
        if not self.outstanding:
            self.pending.discard(task.name)
        return deferred


class BarrierOfOneEntry(Arm64):
    """A direct write completes itself alone."""

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        waiting = {**self.outstanding}
        deferred = super().write(task, index, value, active=active)
        if not deferred:
            self.outstanding = {entry: made for entry, made in waiting.items() if entry != index}
        return deferred


class WaitsThroughASwitch(Arm64):
    def leave_cpu(self, task: Task) -> None:
        return


class SwitchCountsABarrier(Arm64):
    def leave_cpu(self, task: Task) -> None:
        super().leave_cpu(task)
        self.count("barriers")


class SwitchClearsFlag(Arm64):
    def leave_cpu(self, task: Task) -> None:
        super().leave_cpu(task)
        self.pending.discard(task.name)


class SwitchIssuesABarrierIfPending(Arm64):
    def leave_cpu(self, task: Task) -> None:
        super().leave_cpu(task)
        self.complete(task, NOTHING)


class FlagNotForked(Arm64):
    def fork(self, parent: Task, child: Task) -> None:
        return


class FlagMovesToTheChild(Arm64):
    def fork(self, parent: Task, child: Task) -> None:
        super().fork(parent, child)
        self.pending.discard(parent.name)


class ForkCompletes(Arm64):
    def fork(self, parent: Task, child: Task) -> None:
        super().fork(parent, child)
        self.leave_cpu(parent)


class FlagPerCpu(Arm64):
    """The flag is the CPU's, not the task's."""

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(Task(str(task.cpu), task.cpu, task.state), index, value, active=active)

    def complete(self, task: Task, entries: range) -> None:
        super().complete(Task(str(task.cpu), task.cpu, task.state), entries)

    def leave_cpu(self, task: Task) -> None:
        super().leave_cpu(Task(str(task.cpu), task.cpu, task.state))


class EnterIssuesTheBarrier(Arm64):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "e": self.complete}


class EnterWithPtesIssuesTheBarrier(Arm64):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "w": self.complete}


class StaleMemory(Arm64):
    """A deferred write is not in memory yet: get_pte answers the old value once."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.old: dict[int, int] = {}

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        old = self.memory[index]
        deferred = super().write(task, index, value, active=active)
        self.old[index] = old if deferred else value
        return deferred

    def read(self, task: Task, index: int) -> int:
        return self.old[index] if index in self.outstanding else super().read(task, index)


#: Every slip of this file.
WRONG: tuple[type[PersonalityModel], ...] = tuple(
    wrong for wrong in Arm64.__subclasses__() if wrong.__module__ == __name__
)
