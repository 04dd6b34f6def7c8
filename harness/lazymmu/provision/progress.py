# SPDX-License-Identifier: GPL-2.0-only
"""Prints on standard error what a long step is, and what it cost."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

_MEGABYTE = 1_000_000


class Step(Struct):
    """A step in progress. Its code may set `size` in bytes, which is printed at its end."""

    size: int | None = None


class Progress:
    """Prints plain lines, one at the start of a step and one at its end. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            print(f"lazymmu: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str, estimate: str) -> Iterator[Step]:
        """Print a step with an estimate of its cost, and at its end its size and duration."""
        self.say(f"{what}: started ({estimate})")
        begin = time.monotonic()
        step = Step()
        yield step
        size = "" if step.size is None else f"{step.size / _MEGABYTE:.1f} MB, "
        self.say(f"{what}: done ({size}{time.monotonic() - begin:.1f} s)")
