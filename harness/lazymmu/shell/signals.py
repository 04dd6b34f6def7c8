# SPDX-License-Identifier: GPL-2.0-only
"""Turns signals into bytes of a socket, so that they do not interrupt half of an operation."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Signals that end a session.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Signals after which the terminal has a new size, or another program's modes.
_TERMINAL = (signal.SIGWINCH, signal.SIGCONT)


@contextmanager
def caught() -> Iterator[socket.socket]:
    """Yield a socket that receives each signal's number as a byte. Ignored signals stay ignored.

    The second signal that ends a session raises KeyboardInterrupt, in case nobody reads the socket.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number in ENDING:
            received.append(number)
            if len(received) > 1:
                raise KeyboardInterrupt

    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        reading.setblocking(False)
        wakeup = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        handled = [number for number in (*ENDING, *_TERMINAL) if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, note) for number in handled}
        try:
            yield reading
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
