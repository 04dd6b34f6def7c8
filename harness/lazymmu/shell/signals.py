# SPDX-License-Identifier: GPL-2.0-only
"""Signals while a guest has the terminal: they come as bytes of a socket, and interrupt nothing half done."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Those that end a session.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Those after which the terminal is looked at: its size changed, or somebody else had it.
TERMINAL = (signal.SIGWINCH, signal.SIGCONT)


@contextmanager
def caught() -> Iterator[socket.socket]:
    """Yield a socket that brings each signal's number as a byte; one that is ignored stays so.

    A second one that ends raises KeyboardInterrupt: somebody who has to read may never do so.
    """
    waiting, waking = socket.socketpair()
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number in ENDING:
            came.append(number)
            if len(came) > 1:
                raise KeyboardInterrupt

    waking.setblocking(False)
    waiting.setblocking(False)
    wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    handled = [number for number in (*ENDING, *TERMINAL) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in handled}
    try:
        yield waiting
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        waiting.close()
        waking.close()
