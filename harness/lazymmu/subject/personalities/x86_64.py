# SPDX-License-Identifier: GPL-2.0-only
"""x86_64 queues updates on each CPU: an ideal queue that keeps the order of the writes (docs/semantics.md, "x86_64").

`xen.py` has the queue of a real kernel.
"""

from lazymmu.subject.limits import CPUS
from lazymmu.subject.personality import Count, StaleMemory, Task, nothing

NAME = "x86_64"
COUNTERS = ("multicalls", "updates")
NATIVE_FLAGS = ()

#: The update that issues the queue at once.
QUEUE_LENGTH = 32


class X8664(StaleMemory):
    """Queues every write on the CPU where it is made, so that memory gets the writes of one CPU in order."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": nothing, "w": nothing, "f": self.complete, "l": self.complete}
        #: CPU -> (entry, value) in the order of the writes.
        self.queues: list[list[tuple[int, int]]] = [[] for _ in range(CPUS)]

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Join the queue. Issue all of it if not active, or as the 32nd update."""
        queue = self.join(task, index, value)
        if not active or len(queue) == QUEUE_LENGTH:
            self.issue(task)
        return active

    def join(self, task: Task, index: int, value: int) -> list[tuple[int, int]]:
        """Put a write at the end of the CPU's queue; return the queue."""
        queue = self.queues[task.cpu]
        queue.append((index, value))
        self.defer(index, value)
        return queue

    def complete(self, task: Task, _entries: range) -> None:
        """Issue the queue of the task's CPU: what flush and leave do."""
        self.issue(task)

    def issue(self, task: Task) -> None:
        """Store the updates of the task's CPU, as one multicall; an empty queue issues nothing."""
        queue = self.queues[task.cpu]
        if not queue:
            return
        for index, value in queue:
            self.arrive(index, value)
        self.count("multicalls")
        self.count("updates", len(queue))
        queue.clear()

    def switch_out(self, task: Task) -> None:
        """Issue the queue of the CPU that is left; no hook, and no task's state changes."""
        self.issue(task)


MODEL = X8664
