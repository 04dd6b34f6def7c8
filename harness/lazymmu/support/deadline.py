# SPDX-License-Identifier: GPL-2.0-only
"""One time budget, handed down so that nested waits share it."""

from __future__ import annotations

import time

from msgspec import Struct


class Deadline(Struct, frozen=True):
    """A moment on the monotonic clock, in seconds; `budget` is how long it was when it was set."""

    at: float
    budget: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that lies so many seconds from now."""
        return cls(at=time.monotonic() + seconds, budget=seconds)

    def remaining(self) -> float:
        """Return the seconds left, 0.0 when it has passed."""
        return max(0.0, self.at - time.monotonic())
