# SPDX-License-Identifier: GPL-2.0-only
"""What the doctor says: named checks, each with a state, what was found, and the next command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from lazymmu.support.errors import LazymmuError

_SCHEMA = 1


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"
    NOTE = "note"


class Check(Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    #: What the user may do about it; empty when there is nothing to do.
    next: str = ""
    #: A run could not work because of it.
    blocks: bool = False
    #: The same for programs: sizes in bytes, versions, names.
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the check for the document of --json."""
        return {
            "name": self.name,
            "state": str(self.state),
            "found": self.found,
            "next": self.next or None,
            "blocks": self.blocks,
            "facts": dict(self.facts),
        }


def survive(name: str, look: Callable[[], Iterable[Check]], *, blocks: bool = True) -> Iterator[Check]:
    """Yield a look's checks; one that fails itself is a check that is broken, and blocks a run when `blocks`."""
    try:
        yield from look()
    except LazymmuError as error:
        yield Check(name, State.BROKEN, error.message, error.hint or "", blocks)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(name, State.BROKEN, str(error), "", blocks)


def works(checks: Sequence[Check]) -> bool:
    """Return whether a run could work."""
    return not any(check.blocks for check in checks)


def document(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the document of `lazymmu doctor --json`."""
    return {"schema": _SCHEMA, "works": works(checks), "checks": [check.to_json() for check in checks]}
