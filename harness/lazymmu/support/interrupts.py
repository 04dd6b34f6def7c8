# SPDX-License-Identifier: GPL-2.0-only
"""Notes SIGINT and SIGTERM where a KeyboardInterrupt would do damage, and wakes the main thread if it waits."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

from lazymmu.support.errors import LazymmuError

#: Seconds after which an interrupt ends a write that waits for a reader, such as one into a pipe.
WRITE_LIMIT = 2.0


@contextmanager
def handled(
    numbers: Iterable[int], handler: Callable[[int, FrameType | None], None], waking: socket.socket
) -> Iterator[None]:
    """Handle signals for the length of a `with`, and send each one's number as a byte to a socket.

    The signal itself writes to the socket. Python calls a handler only when the main thread runs Python code, and not
    while that thread waits for a queue or a lock. An ignored signal stays ignored, such as SIGINT in a shell's
    background job. Only the main thread can handle signals; in another one nothing changes.
    """
    waking.setblocking(False)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
        signal.set_wakeup_fd(wakeup)


class Interrupts:
    """Records in `came` that an interrupt came, which would otherwise raise KeyboardInterrupt."""

    def __init__(self, waiting: socket.socket, waking: socket.socket) -> None:
        self.came = False
        #: Whether it was a signal, and not `end`.
        self.was_signal = False
        self._waiting = waiting
        self._waking = waking
        self._raise_after: float | None = None

    @classmethod
    @contextmanager
    def noted(cls) -> Iterator[Self]:
        """Note interrupts for the length of a `with`, in which they raise nothing, however many come.

        Only the main thread can note interrupts; in another one `came` stays False.
        """
        waiting, waking = socket.socketpair()
        noted = cls(waiting, waking)
        with waiting, waking, handled((signal.SIGINT, signal.SIGTERM), noted._note, waking):
            yield noted

    def wait(self, seconds: float | None = None) -> None:
        """Wait in the main thread for the next interrupt or `notify`, or so many seconds; earlier ones count."""
        self._waiting.settimeout(seconds)
        with suppress(TimeoutError):
            self._waiting.recv(1)

    def notify(self, _: object = None) -> None:
        """End one `wait`, from any thread."""
        # If the socket is full, `wait` returns anyway.
        with suppress(BlockingIOError):
            self._waking.send(b"\0")

    def end(self) -> None:
        """Do as if an interrupt came, from any thread."""
        self.came = True
        self.notify()

    @contextmanager
    def bounded(self, what: str) -> Iterator[None]:
        """Let an interrupt raise LazymmuError if this `with`, which writes `what`, takes longer than WRITE_LIMIT."""
        self._raise_after = time.monotonic() + WRITE_LIMIT
        try:
            yield
        except KeyboardInterrupt:
            raise LazymmuError(f"{what} is not complete: interrupted") from None
        finally:
            self._raise_after = None

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.was_signal = True
        self.end()
        if self._raise_after is not None and time.monotonic() > self._raise_after:
            raise KeyboardInterrupt


@contextmanager
def importing() -> Iterator[None]:
    """Delay interrupts while a `with` imports modules.

    C code that looks for a module or an attribute treats any exception as "not found", and so loses an interrupt.
    """
    with Interrupts.noted() as interrupts:
        yield
    if interrupts.came:
        raise KeyboardInterrupt
