# SPDX-License-Identifier: GPL-2.0-only
"""Prints on standard error what a long step is, and how far it is. Only the standard library is used (see lock.py)."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

# Puts the cursor at the begin of the line, and removes the line.
_CLEAR = "\r\x1b[K"
_MEGABYTE = 1_000_000
# Seconds between two states of the progress line on a terminal, and between two lines in a log.
_ON_TERMINAL, _IN_LOG = 0.2, 15.0


class Transfer(Protocol):
    """How far a transfer is. Sizes are in bytes; `began` is a monotonic time."""

    size: int
    arrived: int
    began: float

    @property
    def remaining(self) -> int:
        """How many packages are neither there nor given up."""

    @property
    def failed(self) -> bool:
        """Whether a package was given up."""


class Progress:
    """Prints plain lines. On a terminal, a transfer has one line that changes. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._printed = 0.0
        #: Set while another part of the program draws on the terminal, and shows `line`.
        self.hidden = False
        self.line = ""
        # Whether the line that changes is on the terminal.
        self._drawn = False

    def say(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            clear = _CLEAR if self._drawn else ""
            self._drawn = False
            # In one write, or the line of another thread could come before its end.
            sys.stderr.write(f"{clear}lazymmu: {text}\n")
            sys.stderr.flush()

    def _draw(self, line: str) -> None:
        """Put a line in place of the one that changes."""
        with self._lock:
            if self.hidden:
                self.line = line
                return
            self._drawn = bool(line)
            print(f"{_CLEAR}{line}", end="", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str, estimate: str) -> Iterator[None]:
        """Print a step with an estimate of its cost, and at its end its duration."""
        self.say(f"{what}: started ({estimate})")
        begin = time.monotonic()
        yield
        self.say(f"{what}: done ({time.monotonic() - begin:.1f} s)")

    def transfer(self, what: str) -> Callable[[Transfer], None]:
        """Return the function that shows how far a transfer is; it prints as often as a reader wants to know."""
        begun = ended = False

        def show(transfer: Transfer) -> None:
            nonlocal begun, ended
            now, live = time.monotonic(), self.hidden or sys.stderr.isatty()
            with self._lock:
                first, last = not begun, not ended and (transfer.failed or transfer.remaining == 0)
                begun, ended = True, ended or last
                is_due = first or (not ended and now - self._printed > (_ON_TERMINAL if live else _IN_LOG))
                if is_due:
                    self._printed = now
            seconds = max(now - transfer.began, 0.01)
            if last and live:
                # What comes next says whether it worked.
                self._draw("")
            if last and not transfer.failed:
                self.say(f"fetched {_megabytes(transfer.size)} for {what} in {seconds:.1f} s")
            elif first:
                self.say(f"fetching {_megabytes(transfer.size)} for {what}")
            elif is_due and live:
                self._draw(_state(what, transfer, seconds))
            elif is_due:
                self.say(_state(what, transfer, seconds))

        return show


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.0f} MB"


def _state(what: str, transfer: Transfer, seconds: float) -> str:
    if transfer.arrived >= transfer.size:
        return f"unpacking the last {transfer.remaining} packages for {what}"
    rate = transfer.arrived / seconds
    left = f", {(transfer.size - transfer.arrived) / rate:.0f} s left" if rate > 0 else ""
    arrived = f"{transfer.arrived / _MEGABYTE:.0f} of {_megabytes(transfer.size)}"
    return f"fetching {arrived} for {what}, {rate / _MEGABYTE:.1f} MB/s{left}"
