# SPDX-License-Identifier: GPL-2.0-only
"""A time limit that nested waits share."""

from __future__ import annotations

import time

from msgspec import Struct


class Deadline(Struct, frozen=True):
    """A time `at` on the monotonic clock, in seconds; `budget` is its distance when it was set."""

    at: float
    budget: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline in so many seconds."""
        return cls(at=time.monotonic() + seconds, budget=seconds)

    def remaining(self) -> float:
        """Return the remaining seconds, 0.0 after the deadline."""
        return max(0.0, self.at - time.monotonic())
