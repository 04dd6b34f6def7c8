# SPDX-License-Identifier: GPL-2.0-only
"""The parts of a personality: how one architecture writes and reads the page table, and what it defers.

Each personality is a file in `personalities/` (docs/semantics.md, "What each architecture puts off"). It knows nothing
of revisions, steps or contexts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from lazymmu.subject.limits import TABLE_ENTRIES


class Task(Struct, eq=False):
    """One task of a run: declared, forked, or `main`. A personality keeps what it knows of it by its name."""

    name: str
    #: The CPU on which it runs, or ran last.
    cpu: int
    #: Its state of the API: the revision's STATE.
    state: Any
    #: How often the architecture turned preemption off for it. It may not sleep unless this is 0.
    hold: int = 0


#: What a hook does, as `hook(task, entries)`: `task` runs or is interrupted; `entries` is the range of `w`, and empty
#: for every other hook.
Hook = Callable[[Task, range], None]


#: Counts into the trace, as `count(counter, number=1)`.
Count = Callable[..., None]


def is_valid(value: int) -> bool:
    """Return whether an entry with this value is valid: bit 0 is set."""
    return value & 1 == 1


def nothing(_task: Task, _entries: range) -> None:
    """Do nothing: a hook that the architecture does not use."""


class PersonalityModel(ABC):
    """The state of one architecture in one run. At the start nothing is deferred."""

    #: Letter -> what that hook does. Optional hooks that the architecture does not define are missing.
    hooks: Mapping[str, Hook]
    #: The entries whose last write has not taken full effect.
    outstanding: Collection[int]
    #: In revisions that have pause_task, the kernel pauses each task that is switched out, before `switch_out`, and
    #: resumes each that is switched in, after `switch_in`.
    pauses_absent_tasks: ClassVar[bool] = False
    #: Whether the module can observe what the running kernel does with writes, and so a native trace shows it.
    native_table: ClassVar[bool] = False
    #: Operations that cannot run natively.
    native_missing: ClassVar[frozenset[str]] = frozenset()

    @staticmethod
    def native_bug(expected: Mapping[str, int | bool], found: Mapping[str, int | bool]) -> str:
        """Return which known bug of a kernel a native task's state shows; empty if it shows none."""
        return ""

    def __init__(self, memory: list[int], count: Count) -> None:
        """Take the page table's memory, by entry, and the function that counts into the trace."""
        self.memory = memory
        self.count = count

    @abstractmethod
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Write an entry; return whether the write is deferred. `active`: whether the task is active there."""

    def read(self, _task: Task, index: int) -> int:
        """Return the answer of get_pte."""
        return self.memory[index]

    def switch_out(self, task: Task) -> None:
        """Act on a task that leaves its CPU."""
        return

    def switch_in(self, task: Task) -> None:
        """Act on a task that comes to its CPU."""
        return

    def fork(self, parent: Task, child: Task) -> None:
        """Give a new task what it inherits."""
        return

    def kernel_state(self, _task: Task) -> dict[str, bool]:
        """Return the values of NATIVE_FLAGS."""
        return {}


class StaleMemory(PersonalityModel):
    """An architecture whose memory gets a deferred write later, so that an older one may overtake a newer one."""

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        #: The value of the last write to each entry, and how many queues or slots hold a write to it.
        self.last = [0] * TABLE_ENTRIES
        self.waiting = [0] * TABLE_ENTRIES
        self.outstanding: set[int] = set()

    def defer(self, index: int, value: int) -> None:
        """Note a write that waits from now on."""
        self.last[index] = value
        self.waiting[index] += 1
        self.outstanding.add(index)

    def store(self, index: int, value: int) -> None:
        """Make a new write at once."""
        self.last[index] = value
        self.waiting[index] += 1
        self.arrive(index, value)

    def arrive(self, index: int, value: int) -> None:
        """Make a write that waited."""
        self.memory[index] = value
        self.waiting[index] -= 1
        # An older write that overtakes a newer one leaves the entry outstanding until it is written again.
        if value == self.last[index] and not self.waiting[index]:
            self.outstanding.discard(index)
        else:
            self.outstanding.add(index)


class Personality(Protocol):
    """A file of `personalities/`."""

    #: As `personality:` in a scenario has it.
    NAME: str
    #: Counters of its own, beside the common ones.
    COUNTERS: tuple[str, ...]
    #: Flags that the kernel's own implementation keeps for a task beside the revision's state.
    NATIVE_FLAGS: tuple[str, ...]
    #: Its state machine.
    MODEL: type[PersonalityModel]
