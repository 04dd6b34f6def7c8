# SPDX-License-Identifier: GPL-2.0-only
"""ppc64 with the hash MMU batches flushes of the hash table (docs/semantics.md, "ppc64").

The kernel's file is arch/powerpc/mm/book3s64/hash_tlb.c.
"""

from collections import Counter

from lazymmu.subject.limits import CPUS
from lazymmu.subject.personality import Count, PersonalityModel, Task, is_valid

NAME = "ppc64"
COUNTERS = ("flushes", "flushed_entries")
NATIVE_FLAGS = ()

#: How many entries fill a batch (PPC64_TLB_BATCH_NR): it is then flushed at once.
BATCH_LENGTH = 192


class Ppc64(PersonalityModel):
    """Stores at once, and defers the flush that a write over a valid entry needs."""

    native_table = True

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": self.enter, "w": self.enter, "f": self.flush, "l": self.leave}
        #: The batch of each CPU: entries in the order of the writes.
        self.batches: list[list[int]] = [[] for _ in range(CPUS)]
        #: Entries in a batch -> how often they are in one.
        self.outstanding: Counter[int] = Counter()

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Store the value. Flush the old one from the hash table if it was valid, or put that off if active."""
        was_valid = is_valid(self.memory[index])
        self.memory[index] = value
        if not was_valid:
            return False
        if not active:
            self.count("flushes")
            self.count("flushed_entries")
            return False
        batch = self.batches[task.cpu]
        batch.append(index)
        self.outstanding[index] += 1
        if len(batch) == BATCH_LENGTH:
            self.flush(task)
        return True

    def flush(self, task: Task, _entries: range = range(0)) -> None:
        """Flush the batch of the task's CPU, unless it is empty."""
        batch = self.batches[task.cpu]
        if not batch:
            return
        self.count("flushes")
        self.count("flushed_entries", len(batch))
        for index in batch:
            self.outstanding[index] -= 1
            if not self.outstanding[index]:
                del self.outstanding[index]
        batch.clear()

    def enter(self, task: Task, _entries: range) -> None:
        """Turn preemption off."""
        task.hold += 1

    def leave(self, task: Task, _entries: range) -> None:
        """Flush, and turn preemption on."""
        self.flush(task)
        task.hold -= 1


MODEL = Ppc64
