# SPDX-License-Identifier: GPL-2.0-only
"""Says on standard error what a long step is, and what it cost when it is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

_MEGABYTE = 1_000_000


class Step(Struct):
    """A step under way; whoever does it may set `size` in bytes, shown at its end."""

    size: int | None = None


class Progress:
    """Plain lines, one at the start of a step and one at its end; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            print(f"lazymmu: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str, estimate: str) -> Iterator[Step]:
        """Announce a step with an estimate of its cost, and its size and duration when it is done."""
        self.say(f"{what}: started ({estimate})")
        begin = time.monotonic()
        step = Step()
        yield step
        size = "" if step.size is None else f"{step.size / _MEGABYTE:.1f} MB, "
        self.say(f"{what}: done ({size}{time.monotonic() - begin:.1f} s)")
