# SPDX-License-Identifier: GPL-2.0-only
"""Slips in what x86_64 puts off."""

from __future__ import annotations

from lazymmu.subject.personalities.x86_64 import X8664
from lazymmu.subject.personality import Count, PersonalityModel, is_valid
from lazymmu.subject.task import Task


class IssuedAt31(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        deferred = super().write(task, index, value, active=active)
        if len(self.queues[task.cpu]) == 31:
            self.issue(task.cpu)
        return deferred


class NotIssuedAt32(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        if not active:
            return super().write(task, index, value, active=active)
        self.queues[task.cpu].append((index, value))
        self.outstanding[index] = task.cpu
        return True


class The32ndIsDirect(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(task, index, value, active=active) and bool(self.queues[task.cpu])


class XenTakesThe32ndAfter31(X8664):
    """As Xen does: a full queue is issued before the next update joins it."""

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        if len(self.queues[task.cpu]) == 31:
            self.issue(task.cpu)
        return super().write(task, index, value, active=active)


class EntriesNotUpdatesFillTheQueue(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        queue = self.queues[task.cpu]
        queue[:] = [(entry, waiting) for entry, waiting in queue if entry != index]
        return super().write(task, index, value, active=active)


class DirectOvertakes(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        if active:
            return super().write(task, index, value, active=True)
        self.memory[index] = value
        self.count("multicalls")
        self.count("updates")
        return False


class DirectIsNoMulticall(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        if active or self.queues[task.cpu]:
            return super().write(task, index, value, active=active)
        self.memory[index] = value
        return False


class DirectIssuesTheOthersFirst(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        if not active:
            self.issue(task.cpu)
        return super().write(task, index, value, active=active)


class InvalidIsNotQueued(X8664):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(task, index, value, active=active and is_valid(value))


class GetReadsTheQueue(X8664):
    def read(self, task: Task, index: int) -> int:
        waiting = [value for entry, value in self.queues[task.cpu] if entry == index]
        return waiting[-1] if waiting else super().read(task, index)


class EmptyQueueIsAMulticall(X8664):
    def issue(self, cpu: int) -> None:
        if not self.queues[cpu]:
            self.count("multicalls")
        super().issue(cpu)


class UpdatesCountedOnce(X8664):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, lambda counter, number=1: count(counter))


class IssuedBackwards(X8664):
    def issue(self, cpu: int) -> None:
        self.queues[cpu].reverse()
        super().issue(cpu)


class NotIssuedOnLeavingACpu(X8664):
    def leave_cpu(self, task: Task) -> None:
        return


class ForkIssues(X8664):
    def fork(self, parent: Task, child: Task) -> None:
        self.issue(parent.cpu)


class QueueFlushIsNothing(X8664):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "f": lambda task, entries: None}


class IssuesTheQueueOfCpu0(X8664):
    def complete(self, _task: Task, _entries: range) -> None:
        self.issue(0)


class EnterIssues(X8664):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "e": self.complete}


class EnterWithPtesIssues(X8664):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {**self.hooks, "w": self.complete}


class QueueOnlyInTheRange(X8664):
    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.entries = range(256)
        self.hooks = {**self.hooks, "w": self.take}

    def take(self, _task: Task, entries: range) -> None:
        self.entries = entries

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(task, index, value, active=active and index in self.entries)


#: Every slip of this file.
WRONG: tuple[type[PersonalityModel], ...] = tuple(
    wrong for wrong in X8664.__subclasses__() if wrong.__module__ == __name__
)
