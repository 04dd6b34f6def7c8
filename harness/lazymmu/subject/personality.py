# SPDX-License-Identifier: GPL-2.0-only
"""What a personality is to the model: how one architecture writes, reads and puts off, in one run.

It knows nothing of revisions, steps or contexts. Each is a file beside this one (docs/semantics.md, "What each
architecture puts off").
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from lazymmu.subject.task import Task

#: What a hook does, as `hook(task, entries)`: `task` is the one that runs or is interrupted; `entries` is the range
#: that X gave to `w`, and empty for every other hook.
Hook = Callable[[Task, range], None]


class Count(Protocol):
    """Counts into the trace."""

    def __call__(self, counter: str, number: int = 1) -> None:
        """Add a number to a counter."""


def is_valid(value: int) -> bool:
    """Return whether an entry with this value is valid: bit 0 is set."""
    return value & 1 == 1


def nothing(_task: Task, _entries: range) -> None:
    """Do nothing: what a hook is to an architecture that has no use for it."""


class Personality(ABC):
    """One architecture in one run, with nothing put off yet."""

    #: Its name in the vocabulary.
    name: ClassVar[str]
    #: Letter -> what that hook does. Optional hooks that the architecture does not define are not in it.
    hooks: Mapping[str, Hook]
    #: The entries whose last write has not taken full effect, each with where it waits.
    outstanding: Mapping[int, object]

    def __init__(self, memory: list[int], count: Count) -> None:
        """Take the page table's memory, by entry, and what counts into the trace."""
        self.memory = memory
        self.count = count

    @abstractmethod
    def write(self, task: Task, index: int, value: int, *, active: bool) -> bool:
        """Write an entry, the task being active or not where the write stands; return whether it was deferred."""

    def read(self, _task: Task, index: int) -> int:
        """Return what get_pte gives."""
        return self.memory[index]

    def leave_cpu(self, task: Task) -> None:
        """Let the task leave its CPU, by a switch, a migration or a sleep."""
        return

    def fork(self, parent: Task, child: Task) -> None:
        """Give a new task what it inherits."""
        return

    def kernel_state(self, _task: Task) -> dict[str, bool]:
        """Return what the kernel of this architecture keeps for a task beside the API's state, by its names."""
        return {}

    def preemption_off(self, _task: Task) -> bool:
        """Return whether the running task cannot leave its CPU."""
        return False
