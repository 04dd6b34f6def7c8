# SPDX-License-Identifier: GPL-2.0-only
"""A check of the doctor: its name, its state, what it found, and the next command."""

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from lazymmu.support.errors import LazymmuError


class State(StrEnum):
    """How a check ended, the best first."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"
    BROKEN = "broken"


class Check(Struct, frozen=True):
    """The outcome of one check."""

    name: str
    state: State
    found: str
    #: What the user can do about it; None if there is nothing to do.
    next: str | None = None
    #: Whether it prevents a run.
    blocks: bool = False
    #: The same for programs: sizes in bytes, versions, names.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Its words in the line of its area; empty if it is not worth any. Not part of the document.
    short: str = ""


def guarded(
    name: str, look: Callable[..., Iterable[Check]], *arguments: object, blocks: bool = True
) -> Iterator[Check]:
    """Yield the checks of a function. If it fails, yield a broken check, which blocks a run if `blocks`."""
    try:
        yield from look(*arguments)
    except LazymmuError as error:
        yield Check(name, State.BROKEN, error.message, error.hint, blocks)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(name, State.BROKEN, str(error), blocks=blocks)
