# SPDX-License-Identifier: GPL-2.0-only
"""Linux as a Xen PV guest queues updates on each CPU, and pauses tasks that are not on one (docs/semantics.md, "xen").

The kernel's files are arch/x86/xen/multicalls.c, mmu_pv.c and enlighten_pv.c.
"""

from collections.abc import Mapping

from lazymmu.subject.personalities.x86_64 import X8664
from lazymmu.subject.personality import Task

NAME = "xen"
COUNTERS = ("multicalls", "updates")
NATIVE_FLAGS = ()

#: How many updates fill the queue: 512 bytes, of which one takes 16, are full when 16 more would reach the end.
FULL = 31


class Xen(X8664):
    """Queues a write in a section, and stores every other write at once, before older ones that wait."""

    pauses_absent_tasks = True
    native_table = True
    # A real TLB forgets when it likes. A task that waits for a meanwhile would be switched out.
    native_missing = frozenset({"load", "meanwhile"})

    @staticmethod
    def native_bug(expected: Mapping[str, int | bool], found: Mapping[str, int | bool]) -> str:
        """Name the bug by which a task's pause_count goes below 0, once for each fork of its ancestors."""
        lost = expected["pause_count"] - found["pause_count"]
        if not -256 < lost < -128:
            return ""
        return "fork never accounts for the pause that the first switch-in takes back (docs/xen-pause-count.md)"

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Join the queue if active, after a full one is issued; else overtake it."""
        if active:
            if len(self.queues[task.cpu]) == FULL:
                self.issue(task)
            self.join(task, index, value)
        else:
            self.store(index, value)
        return active

    def switch_in(self, task: Task) -> None:
        """Issue the queue, as at a switch out: whoever comes next does."""
        self.issue(task)


MODEL = Xen
