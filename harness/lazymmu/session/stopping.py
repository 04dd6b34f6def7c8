# SPDX-License-Identifier: GPL-2.0-only
"""Ends a run before all its units have a result: after so many failures, or when its time is up."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lazymmu.results.result import FAILED, Result
from lazymmu.support.interrupts import Interrupts

# What is left of --max-time for the end of guests and for reports: at most this part of it, at most these seconds,
# and these seconds more for each unit.
_PART = 0.25
_END = 2.0
_END_PER_UNIT = 0.0002


class Stopping:
    """The reason to end a run early, once there is one."""

    def __init__(self, *, max_failures: int | None, max_time: int | None) -> None:
        """Take the flags' values; `max_time` is in seconds."""
        self._max_failures = max_failures
        self._max_time = max_time
        self._failures = 0
        self._interrupts: Interrupts | None = None
        self._is_preparing = False
        self._is_time_up = False
        self.reason = ""

    @property
    def is_full(self) -> bool:
        """True after so many failures, when no other result counts."""
        return self._failures == self._max_failures

    def note(self, result: Result) -> None:
        """Take a result; known failures do not count."""
        if result.outcome in FAILED:
            self._failures += 1
            if self.is_full:
                self.stop(f"stopped after {self._failures} failure{'s' if self._failures > 1 else ''}")

    def stop(self, reason: str) -> None:
        """End the run for this reason, unless there is one already."""
        self.reason = self.reason or reason
        if self._interrupts is not None:
            self._interrupts.end()

    def ends(self, interrupts: Interrupts) -> None:
        """Let a reason end what waits for these interrupts, as an interrupt does."""
        self._interrupts = interrupts
        if self.reason:
            interrupts.end()

    @contextmanager
    def timed(self, begin: float, units: int) -> Iterator[None]:
        """Stop in a `with` when there is just time to report so many units; --max-time counts from `begin`, monotonic.

        Only the main thread can be stopped.
        """
        if self._max_time is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        left = self._max_time - min(self._max_time * _PART, _END + _END_PER_UNIT * units)
        before = signal.signal(signal.SIGALRM, self._end)
        signal.setitimer(signal.ITIMER_REAL, max(begin + left - time.monotonic(), 0.001))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """End the `with` early if the time is up."""
        self._is_preparing = not self._is_time_up
        try:
            yield
        except KeyboardInterrupt:
            if not self._is_time_up:
                raise
        finally:
            self._is_preparing = False

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._is_time_up = True
        self.stop(f"stopped by --max-time {self._max_time}")
        if self._is_preparing:
            # As an interrupt ends it, but SIGINT may be ignored.
            signal.raise_signal(signal.SIGTERM)
