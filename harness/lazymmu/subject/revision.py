# SPDX-License-Identifier: GPL-2.0-only
"""The parts of a revision of the API: a task's state, and one function for each operation that changes it.

Each revision is a file in `revisions/`, written as the mails or the kernel write it: a function changes the state and
calls hooks, in the order that the revision defines. Interrupts, tasks, steps and counters are the same in every
revision; `simulator.py` and `behaviour.py` have them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from lazymmu.subject.limits import MAX_U8


def u8(value: int) -> int:
    """Return a nesting counter's value after a change: modulo 256 (docs/semantics.md, "Notation")."""
    return value & MAX_U8


class Caller(Protocol):
    """What a call reaches beyond the task's state."""

    def hook(self, letter: str) -> None:
        """Run the call's before_hook, which may change the state; then call the arch hook with this letter."""

    def warn(self) -> None:
        """Count a failed check of the API."""


class Revision(Protocol):
    """A file of `revisions/`."""

    #: As `api:` in a scenario has it.
    NAME: str
    #: What it is, for `lazymmu list` and error messages.
    TITLE: str
    #: When it was published, as much as is known of YYYY-MM-DD. The catalogue is in this order.
    DATE: str
    #: The state of a task that never called the API, by the revision's own names: counters (int) and flags (bool).
    #: `active` is a field or a property: whether the mode is active, as seen outside interrupt.
    STATE: type[Struct]
    #: The name in the state that `check: {depth: ..}` reads.
    DEPTH: str
    #: Operation -> what it does to a task's state, as `call(state, caller)`, outside interrupt.
    CALLS: Mapping[str, Callable[[Any, Caller], None]]


def state_fields(revision: Revision) -> tuple[tuple[str, type], ...]:
    """Return the revision's own names of a task's state, in order, with their types (int: u8 counter, bool: flag)."""
    return tuple((name, type(value)) for name, value in asdict(revision.STATE()).items())
