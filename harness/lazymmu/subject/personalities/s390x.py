# SPDX-License-Identifier: GPL-2.0-only
"""s390x caches the entries of a range, to invalidate neighbours together (docs/semantics.md, "s390x").

It follows the series of 2026. A task has a range and a cache only while preemption is off, so no other task sees them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from lazymmu.subject.personality import Count, PersonalityModel, Task, is_valid, nothing

NAME = "s390x"
COUNTERS = ("iptes", "ipte_entries")
NATIVE_FLAGS = ()


class Batch(Struct):
    """The range and the cache of one task."""

    #: The range: the entries whose writes may be deferred.
    entries: range | None = None
    #: Slots in use: entry -> the deferred value.
    slots: dict[int, int] = field(default_factory=dict)
    preemption_off: bool = False


def consecutive(indices: Iterable[int], memory: list[int]) -> Iterator[list[int]]:
    """Yield maximal runs of consecutive entries that are alike in memory: all valid, or none."""
    run: list[int] = []
    for index in sorted(indices):
        if run and (index != run[-1] + 1 or is_valid(memory[index]) != is_valid(memory[run[-1]])):
            yield run
            run = []
        run.append(index)
    if run:
        yield run


class S390x(PersonalityModel):
    """Defers a write inside the range of an active task to its slot, and stores every other write at once."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": self.enter, "w": self.enter, "f": self.flush, "l": self.leave, "p": self.flush, "r": nothing}
        #: A new task has no range and an empty cache, forked or not.
        self.batches: dict[str, Batch] = defaultdict(Batch)
        #: Entry -> the task whose slot has its last write.
        self.outstanding: dict[int, str] = {}

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Fill the slot, or else store the value and empty the slot: the newer value wins."""
        batch = self.batches[task.name]
        if active and batch.entries is not None and index in batch.entries:
            batch.slots[index] = value
            self.outstanding[index] = task.name
            return True
        if is_valid(self.memory[index]):
            self.invalidate(1)
        self.memory[index] = value
        batch.slots.pop(index, None)
        self.outstanding.pop(index, None)
        return False

    def invalidate(self, entries: int) -> None:
        """Count one IPTE for so many neighbours."""
        self.count("iptes")
        self.count("ipte_entries", entries)

    def read(self, task: Task, index: int) -> int:
        """Return the slot if it is in use, else memory."""
        return self.batches[task.name].slots.get(index, self.memory[index])

    def apply(self, task: Task) -> None:
        """Store the values of the slots, run by run, and empty the slots."""
        slots = self.batches[task.name].slots
        if not slots:
            return
        for run in consecutive(slots, self.memory):
            if is_valid(self.memory[run[0]]):
                self.invalidate(len(run))
            for index in run:
                self.memory[index] = slots[index]
                self.outstanding.pop(index, None)
        slots.clear()

    def enter(self, task: Task, entries: range) -> None:
        """Apply, then the range of `w`, or none."""
        self.apply(task)
        batch = self.batches[task.name]
        batch.entries = entries or None
        batch.preemption_off = True

    def flush(self, task: Task, _entries: range) -> None:
        """Apply, and keep the range. So does arch_pause; preemption stays off."""
        self.apply(task)

    def leave(self, task: Task, _entries: range) -> None:
        """Apply, then no range, with preemption on."""
        self.apply(task)
        batch = self.batches[task.name]
        batch.entries = None
        batch.preemption_off = False

    def preemption_off(self, task: Task) -> bool:
        """From `e` or `w` until `l`."""
        return self.batches[task.name].preemption_off


MODEL = S390x
