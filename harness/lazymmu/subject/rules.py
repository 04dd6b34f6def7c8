# SPDX-License-Identifier: GPL-2.0-only
"""What a revision of the API is made of: a task's state, and one function for each call that moves it.

Each revision is a file beside this one, written as the mails or the kernel write it: a call changes the state and
calls hooks, in the order that the revision defines. It knows nothing of interrupts, tasks, steps or counters: those
are the same in every revision and live in `harness/lazymmu/subject/simulated_run.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

#: Largest value of a nesting counter (docs/semantics.md, "Notation": they are u8).
U8_MAX = 255


def u8(value: int) -> int:
    """Return a nesting counter's value after it was moved: modulo 256 (docs/semantics.md, "Notation")."""
    return value & U8_MAX


class State(Protocol):
    """The lazy MMU state of one task; a new task's is made without arguments, a fork's is a copy."""

    @property
    def active(self) -> bool:
        """Whether the mode is active by the revision's rule, as seen outside interrupt."""

    def named(self) -> dict[str, int | bool]:
        """Return the state by the revision's own names (`Revision.state` in the vocabulary)."""


class Caller(Protocol):
    """What a call reaches beyond the task's state."""

    def hook(self, letter: str) -> None:
        """Call the arch hook with this letter. What its before_hook holds runs first, and may change the state."""

    def warn(self) -> None:
        """Count a failed check of the API."""


S = TypeVar("S", bound=State)


class Rules(Struct, Generic[S], frozen=True):
    """One revision."""

    #: Makes the state of a task that never called the API.
    state: Callable[[], S]
    #: Operation -> what it does outside interrupt, as `call(state, caller)`.
    calls: Mapping[str, Callable[[S, Caller], None]]
