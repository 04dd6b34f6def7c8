# SPDX-License-Identifier: GPL-2.0-only
"""Slips in what s390x puts off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lazymmu.subject.personalities.s390x import S390x, consecutive
from lazymmu.subject.personality import PersonalityModel, is_valid
from lazymmu.subject.task import Task


class EveryWriteInASectionWaits(S390x):
    def enter(self, task: Task, entries: range) -> None:
        super().enter(task, entries)
        self.batch(task).entries = range(256)


class SlotWhereInactive(S390x):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        return super().write(task, index, value, active=True)


class RangeBeginsEarlier(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, range(entries.start - 1, entries.stop))


class RangeBeginsLater(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, range(entries.start + 1, entries.stop))


class RangeEndsEarlier(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, range(entries.start, entries.stop - 1))


class RangeEndsLater(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, range(entries.start, entries.stop + 1))


class RunNotSplitAtValidity(S390x):
    def apply(self, task: Task) -> None:
        slots = self.batch(task).slots
        for run in consecutive(slots, [0] * 256):
            if is_valid(self.memory[run[0]]):
                self.invalidate(len(run))
            for index in run:
                self.memory[index] = slots[index]
                self.outstanding.pop(index, None)
        slots.clear()


class RunNotSplitAtGap(S390x):
    def apply(self, task: Task) -> None:
        slots = self.batch(task).slots
        if valid := [index for index in slots if is_valid(self.memory[index])]:
            self.invalidate(len(valid))
        for index, value in slots.items():
            self.memory[index] = value
            self.outstanding.pop(index, None)
        slots.clear()


class RunSplitAtTheNewValidity(S390x):
    def apply(self, task: Task) -> None:
        slots = self.batch(task).slots
        before = [is_valid(value) for value in self.memory]
        for index, value in slots.items():
            self.memory[index] = value
            self.outstanding.pop(index, None)
        for run in consecutive(slots, self.memory):
            if before[run[0]]:
                self.invalidate(len(run))
        slots.clear()


class RunsInTheOrderOfTheWrites(S390x):
    def apply(self, task: Task) -> None:
        slots = self.batch(task).slots
        for run in in_order(slots):
            if is_valid(self.memory[run[0]]):
                self.invalidate(len(run))
            for index in run:
                self.memory[index] = slots[index]
                self.outstanding.pop(index, None)
        slots.clear()


def in_order(indices: Iterable[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for index in indices:
        if run and index != run[-1] + 1:
            yield run
            run = []
        run.append(index)
    if run:
        yield run


class IpteForInvalidRuns(S390x):
    def apply(self, task: Task) -> None:
        for run in consecutive(self.batch(task).slots, self.memory):
            if not is_valid(self.memory[run[0]]):
                self.invalidate(len(run))
        super().apply(task)


class IptePerEntry(S390x):
    def invalidate(self, entries: int) -> None:
        for _ in range(entries):
            super().invalidate(1)


class DirectWithoutIpte(S390x):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        self.memory[index], before = 0, self.memory[index]
        deferred = super().write(task, index, value, active=active)
        if deferred:
            self.memory[index] = before
        return deferred


class DirectAlwaysWithIpte(S390x):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        valid = is_valid(self.memory[index])
        deferred = super().write(task, index, value, active=active)
        if not deferred and not valid:
            self.invalidate(1)
        return deferred


class GetReadsMemory(S390x):
    def read(self, _task: Task, index: int) -> int:
        return self.memory[index]


class EmptySlotIsZero(S390x):
    """A slot that holds 0 counts as not in use."""

    def read(self, task: Task, index: int) -> int:
        return super().read(task, index) or self.memory[index]


class SlotSurvivesDirectWrite(S390x):
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        slots = {**self.batch(task).slots}
        deferred = super().write(task, index, value, active=active)
        if not deferred and index in slots:
            self.batch(task).slots[index] = slots[index]
            self.outstanding[index] = task.name
        return deferred


class EnterDoesNotApply(S390x):
    def enter(self, task: Task, _entries: range) -> None:
        batch = self.batch(task)
        batch.entries = None
        batch.preemption_off = True


class EnterKeepsTheRange(S390x):
    def enter(self, task: Task, entries: range) -> None:
        before = self.batch(task).entries
        super().enter(task, entries)
        self.batch(task).entries = before


class EnterDropsWhatWaits(S390x):
    def enter(self, task: Task, entries: range) -> None:
        self.batch(task).slots.clear()
        self.outstanding.clear()
        super().enter(task, entries)


class EnterWithPtesDoesNotApply(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        batch = self.batch(task)
        batch.entries = entries
        batch.preemption_off = True


class EnterWithPtesKeepsTheFirstRange(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, self.batch(task).entries or entries)


class FlushDropsTheRange(S390x):
    def flush(self, task: Task, entries: range) -> None:
        super().flush(task, entries)
        self.batch(task).entries = None


class FlushDoesNotApply(S390x):
    def flush(self, task: Task, entries: range) -> None:
        return


class LeaveDoesNotApply(S390x):
    def leave(self, task: Task, _entries: range) -> None:
        batch = self.batch(task)
        batch.entries = None
        batch.preemption_off = False


class LeaveKeepsTheRange(S390x):
    def leave(self, task: Task, _entries: range) -> None:
        self.apply(task)
        self.batch(task).preemption_off = False


class LeaveKeepsPreemptionOff(S390x):
    def leave(self, task: Task, entries: range) -> None:
        super().leave(task, entries)
        self.batch(task).preemption_off = True


class PauseDoesNotApply(S390x):
    def pause(self, task: Task, entries: range) -> None:
        return


class PauseDropsTheRange(S390x):
    def pause(self, task: Task, entries: range) -> None:
        super().pause(task, entries)
        self.batch(task).entries = None


class PauseTurnsPreemptionOn(S390x):
    def pause(self, task: Task, entries: range) -> None:
        super().pause(task, entries)
        self.batch(task).preemption_off = False


class ResumeEnters(S390x):
    def resume(self, task: Task, entries: range) -> None:
        self.enter(task, entries)


class ResumeApplies(S390x):
    def resume(self, task: Task, entries: range) -> None:
        self.apply(task)


class ResumeTurnsPreemptionOff(S390x):
    def resume(self, task: Task, entries: range) -> None:
        self.batch(task).preemption_off = True


class EnterLeavesPreemptionOn(S390x):
    def enter(self, task: Task, entries: range) -> None:
        super().enter(task, entries)
        self.batch(task).preemption_off = False


class EnterWithPtesLeavesPreemptionOn(S390x):
    def enter_with_ptes(self, task: Task, entries: range) -> None:
        super().enter_with_ptes(task, entries)
        self.batch(task).preemption_off = False


class NeverOff(S390x):
    def preemption_off(self, _task: Task) -> bool:
        return False


#: Every slip of this file.
WRONG: tuple[type[PersonalityModel], ...] = tuple(
    wrong for wrong in S390x.__subclasses__() if wrong.__module__ == __name__
)
