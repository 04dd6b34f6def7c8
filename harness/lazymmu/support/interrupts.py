# SPDX-License-Identifier: GPL-2.0-only
"""SIGINT and SIGTERM where an exception would do damage: they are noted, and wake the main thread that waits."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

#: After how many seconds an output that somebody has to read (a pipe, say) may be given up.
PATIENCE = 2.0


class Interrupts:
    """Whether an interrupt came. Elsewhere it raises KeyboardInterrupt; see `noted`."""

    def __init__(self, waiting: socket.socket, waking: socket.socket) -> None:
        self.came = False
        self._waiting = waiting
        self._waking = waking
        self._give_up_after: float | None = None

    @classmethod
    @contextmanager
    def noted(cls) -> Iterator[Self]:
        """For the length of a `with`, interrupts are noted and raise nothing, however many come.

        A signal that is ignored, as SIGINT in a shell's background job, stays so. In another thread than the main one,
        which Python interrupts, nothing is noted.
        """
        waiting, waking = socket.socketpair()
        noted = cls(waiting, waking)
        waking.setblocking(False)
        if threading.current_thread() is not threading.main_thread():
            with waiting, waking:
                yield noted
            return
        # Written at the signal itself: Python calls a handler only when the main thread comes back to it, and one that
        # is just about to wait (for a queue, a lock) does not.
        wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        handled = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, noted._note) for number in handled}
        try:
            yield noted
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            waiting.close()
            waking.close()

    def wait(self) -> None:
        """Wait in the main thread for the next interrupt or `notify`; those that came before count."""
        self._waiting.recv(1)

    def notify(self, _: object = None) -> None:
        """End one `wait`, from any thread."""
        # When it is full, whoever waits wakes anyway.
        with suppress(BlockingIOError):
            self._waking.send(b"\0")

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
        self.notify()
        if self._give_up_after is not None and time.monotonic() > self._give_up_after:
            raise KeyboardInterrupt


@contextmanager
def importing() -> Iterator[None]:
    """Delay interrupts while a `with` imports modules.

    Code in C that looks for something takes any exception for its absence, so an interrupt that is raised in the middle
    of an import may be lost.
    """
    with Interrupts.noted() as interrupts:
        yield
    if interrupts.came:
        raise KeyboardInterrupt
