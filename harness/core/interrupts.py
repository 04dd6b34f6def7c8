# SPDX-License-Identifier: GPL-2.0-only
"""SIGINT and SIGTERM while results must not be lost: they are noted, and wake the main thread that waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Self

#: After how many seconds an output that somebody has to read (a pipe, say) may be given up.
PATIENCE = 2.0


class Interrupts:
    """Whether an interrupt came. Elsewhere it raises KeyboardInterrupt; see `noted`."""

    def __init__(self) -> None:
        self.came = False
        # Its `put` may be called in a signal's handler, at any moment of `get`; an Event's `set` may not.
        self._woken: SimpleQueue[None] = SimpleQueue()
        self._give_up_after: float | None = None

    @classmethod
    @contextmanager
    def noted(cls) -> Iterator[Self]:
        """For the length of a `with`, interrupts are noted and raise nothing, however many come.

        A signal that is ignored, as SIGINT in a shell's background job, stays so.
        """
        noted = cls()
        handled = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, noted._note) for number in handled}
        try:
            yield noted
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self) -> None:
        """Wait in the main thread for the next interrupt or `wake`; those that came before count."""
        self._woken.get()

    def wake(self, _: object = None) -> None:
        """End one `wait`, from any thread."""
        self._woken.put(None)

    @contextmanager
    def not_for_ever(self) -> Iterator[None]:
        """Let an interrupt raise KeyboardInterrupt again when this `with` takes longer than `PATIENCE`."""
        self._give_up_after = time.monotonic() + PATIENCE
        try:
            yield
        finally:
            self._give_up_after = None

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        self.wake()
        if self._give_up_after is not None and time.monotonic() > self._give_up_after:
            raise KeyboardInterrupt
