# SPDX-License-Identifier: GPL-2.0-only
"""arm64 defers barriers (docs/semantics.md, "arm64"; the kernel's TIF_LAZY_MMU_PENDING, __set_pte_complete)."""

from lazymmu.subject.personality import Count, PersonalityModel, Task, is_valid, nothing

NAME = "arm64"
COUNTERS = ("barriers",)
NATIVE_FLAGS = ("pending",)  # TIF_LAZY_MMU_PENDING


class Arm64(PersonalityModel):
    """Stores at once, and defers the barrier that a valid value needs."""

    native_table = True

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = {"e": nothing, "w": nothing, "f": self.complete, "l": self.complete}
        #: Tasks whose pending flag is set.
        self.pending: set[str] = set()
        #: Entry -> the task that wrote it without a barrier, and that task's CPU.
        self.outstanding: dict[int, tuple[str, int]] = {}

    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Store the value; issue or defer the barrier if it is valid. Without a barrier the write is complete."""
        self.memory[index] = value
        self.outstanding.pop(index, None)
        if not is_valid(value):
            return False
        if active:
            self.pending.add(task.name)
            self.outstanding[index] = (task.name, task.cpu)
            return True
        self.barrier(task.cpu)
        return False

    def complete(self, task: Task, _entries: range) -> None:
        """Issue a barrier if the task's flag is set: what flush and leave do."""
        if task.name in self.pending:
            self.barrier(task.cpu)
            self.pending.discard(task.name)

    def barrier(self, cpu: int) -> None:
        """Issue a barrier. It completes the writes of all tasks on this CPU."""
        self.count("barriers")
        for index in [index for index, (_, made_on) in self.outstanding.items() if made_on == cpu]:
            del self.outstanding[index]

    def switch_out(self, task: Task) -> None:
        """Complete the task's writes. The kernel's barrier in a context switch is not counted, and the flag stays."""
        for index in [index for index, (maker, _) in self.outstanding.items() if maker == task.name]:
            del self.outstanding[index]

    def kernel_state(self, task: Task) -> dict[str, bool]:
        """Return the pending flag (TIF_LAZY_MMU_PENDING)."""
        return {"pending": task.name in self.pending}

    def fork(self, parent: Task, child: Task) -> None:
        """Copy the flag: it is a thread flag."""
        if parent.name in self.pending:
            self.pending.add(child.name)


MODEL = Arm64
