# SPDX-License-Identifier: GPL-2.0-only
"""s390x caches the entries of a range, to invalidate neighbours together (docs/semantics.md, "s390x").

It follows version 6 of the series of 2026 (arch/s390/mm/lazy_mmu.c). All of it belongs to the CPU, so it stays there
when the task moves.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from lazymmu.subject.limits import CPUS
from lazymmu.subject.personality import Count, StaleMemory, Task, is_valid

NAME = "s390x"
COUNTERS = ("iptes", "ipte_entries")
NATIVE_FLAGS = ()


class Cache(Struct):
    """What one CPU has put off."""

    #: Enters without a leave; negative after more leaves.
    lazy_count: int = 0
    #: The range: the entries whose writes may be deferred; empty: none.
    entries: range = range(0)
    #: Slots in use: entry -> the deferred value.
    slots: dict[int, int] = field(default_factory=dict)


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


class S390x(StaleMemory):
    """Defers a write inside the range of a CPU to its slot, and stores every other write at once."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": self.enter, "w": self.enter_with_ptes, "f": self.flush, "l": self.leave}
        self.hooks |= {"p": self.pause, "r": self.resume}
        self.caches = [Cache() for _ in range(CPUS)]

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Fill the slot, or else store the value, past every slot of the entry. `active` is not asked."""
        cache = self.caches[task.cpu]
        if cache.lazy_count != 0 and index in cache.entries:
            if index in cache.slots:
                self.last[index] = value
            else:
                self.defer(index, value)
            cache.slots[index] = value
            return True
        if is_valid(self.memory[index]):
            self.invalidate(1)
        self.store(index, value)
        return False

    def invalidate(self, entries: int) -> None:
        """Count one IPTE for so many neighbours."""
        self.count("iptes")
        self.count("ipte_entries", entries)

    def read(self, task: Task, index: int) -> int:
        """Return the slot if a write would wait there and it is in use, else memory."""
        cache = self.caches[task.cpu]
        if cache.lazy_count != 0 and index in cache.entries:
            return cache.slots.get(index, self.memory[index])
        return self.memory[index]

    def apply(self, cache: Cache) -> None:
        """Store the values of the slots, run by run, and empty the slots."""
        if not cache.slots:
            return
        slots, cache.slots = cache.slots, {}
        for run in consecutive(slots, self.memory):
            if is_valid(self.memory[run[0]]):
                self.invalidate(len(run))
            for index in run:
                self.arrive(index, slots[index])

    def enter(self, task: Task, _entries: range) -> None:
        """Count; a range stays as it is."""
        self.caches[task.cpu].lazy_count += 1
        task.hold += 1

    def enter_with_ptes(self, task: Task, entries: range) -> None:
        """Apply, take the new range, and count."""
        cache = self.caches[task.cpu]
        self.apply(cache)
        cache.entries = entries
        cache.lazy_count += 1
        task.hold += 1

    def flush(self, task: Task, _entries: range) -> None:
        """Apply, and keep the range. Without a range nothing waits."""
        self.apply(self.caches[task.cpu])

    def leave(self, task: Task, _entries: range) -> None:
        """Apply, drop the range, and count back."""
        cache = self.caches[task.cpu]
        self.apply(cache)
        cache.entries = range(0)
        cache.lazy_count -= 1
        task.hold -= 1

    def pause(self, task: Task, _entries: range) -> None:
        """Apply, and count back; the range and the hold stay."""
        cache = self.caches[task.cpu]
        self.apply(cache)
        cache.lazy_count -= 1

    def resume(self, task: Task, _entries: range) -> None:
        """Count again."""
        self.caches[task.cpu].lazy_count += 1


MODEL = S390x
