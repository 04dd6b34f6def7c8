# SPDX-License-Identifier: GPL-2.0-only
"""x86_64 queues updates on each CPU, in the manner of Xen PV, simplified (docs/semantics.md, "x86_64")."""

from collections import defaultdict

from lazymmu.subject.personality import Count, PersonalityModel, Task, nothing

NAME = "x86_64"
COUNTERS = ("multicalls", "updates")
NATIVE_FLAGS = ()

#: The update that issues the queue at once.
QUEUE_LENGTH = 32


class X8664(PersonalityModel):
    """Queues every write on the CPU where it is made, so that memory gets the writes in order."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": nothing, "w": nothing, "f": self.complete, "l": self.complete}
        #: CPU -> (entry, value) in the order of the writes.
        self.queues: dict[int, list[tuple[int, int]]] = defaultdict(list)
        #: Entry -> the CPU whose queue has its last write.
        self.outstanding: dict[int, int] = {}

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Join the queue. Issue all of it if not active, or as the 32nd update."""
        queue = self.queues[task.cpu]
        queue.append((index, value))
        self.outstanding[index] = task.cpu
        if not active or len(queue) == QUEUE_LENGTH:
            self.issue(task.cpu)
        return active

    def complete(self, task: Task, _entries: range) -> None:
        """Issue the queue of the task's CPU: what flush and leave do."""
        self.issue(task.cpu)

    def issue(self, cpu: int) -> None:
        """Store a CPU's updates, as one multicall; an empty queue issues nothing."""
        queue = self.queues[cpu]
        if not queue:
            return
        for index, value in queue:
            self.memory[index] = value
            if self.outstanding.get(index) == cpu:
                del self.outstanding[index]
        self.count("multicalls")
        self.count("updates", len(queue))
        queue.clear()

    def leave_cpu(self, task: Task) -> None:
        """Issue the queue of the CPU that is left; no hook, and no task's state changes."""
        self.issue(task.cpu)


MODEL = X8664
