# SPDX-License-Identifier: GPL-2.0-only
"""Tells a guest that hangs from one that is slow: silence is counted in the time in which the guest could run."""

from __future__ import annotations

import time
from collections.abc import Callable

from lazymmu.guests import host_process
from lazymmu.support.deadline import Deadline

# So long may a guest show no sign of life (seconds of its own time); with its diagnosis, a hang is named within 6 s.
SILENCE = 2.75
# A kernel that boots says nothing for a second now and then, which is several on a busy host.
BOOT_SILENCE = 10.0
_LOOK_EVERY = 0.5
# However busy the host, so much of the time counts as lost at most: a hang is found there too.
_MOST_LOST = 0.8
# A socket takes 0 for "do not wait at all".
_SHORTEST = 0.001
# A host that gave the guest less than this part of the time is what is wrong.
_STARVED = 0.5


class Watchdog:
    """Waits for one thing of a guest. Ask `until_look`, wait so long, then `look` - or `heard` when it gave a sign.

    `process` gives QEMU's process; `deadline` bounds the whole, whatever the guest shows; `silence` is what is allowed,
    in seconds of the guest's time, multiplied by `scale`; `signs` gives a number that grows with each sign of life that
    comes another way.
    """

    def __init__(
        self,
        process: Callable[[], int | None],
        deadline: Deadline,
        *,
        scale: float,
        silence: float = SILENCE,
        signs: Callable[[], int] = lambda: 0,
    ) -> None:
        self.deadline = deadline
        self._process = process
        self._signs = signs
        self._limit = silence * scale
        self._every = _LOOK_EVERY * min(scale, 1.0)
        self._seen = signs()
        self._looked = self._began = time.monotonic()
        self._silent = 0.0
        self._waited: dict[str, float] = {}
        #: Seconds in which the guest could have run and got no processor.
        self.lost = 0.0

    def until_look(self) -> float:
        """Return how long to wait before the next look, in seconds."""
        return max(_SHORTEST, min(self.deadline.remaining(), self._every, self._limit - self._silent))

    def heard(self) -> None:
        """Note that the guest gave a sign of life."""
        self._silent = 0.0
        self._looked = time.monotonic()

    def look(self) -> str | None:
        """Return why there is nothing left to wait for, None when there is; call it when nothing was heard."""
        now = time.monotonic()
        process = self._process()
        waited = host_process.waited_seconds(process) if process is not None else {}
        # A look that comes late (a harness that was stopped, say) tells little of the guest.
        elapsed = min(now - self._looked, 2 * self._every)
        # The first look has nothing to compare with.
        gained = [waited[thread] - before for thread, before in self._waited.items() if thread in waited]
        lost = min(elapsed * _MOST_LOST, max([0.0, *gained]))
        self._looked, self._waited = now, waited
        self.lost += lost
        self._silent += elapsed - lost
        if self._signs() != self._seen:
            self._seen = self._signs()
            self._silent = 0.0
        if self.deadline.remaining() == 0.0:
            return self._late(now - self._began)
        return f"silent for {self._silent:.1f} s" if self._silent >= self._limit else None

    def starved(self) -> bool:
        """Return whether the host gave the guest less than half of the time."""
        return self.lost > (time.monotonic() - self._began) * _STARVED

    def _late(self, seconds: float) -> str:
        if self.starved():
            return f"the host is too slow: QEMU waited {self.lost:.0f} s of {seconds:.0f} s for a processor"
        return f"not done within {self.deadline.budget:.0f} s"
