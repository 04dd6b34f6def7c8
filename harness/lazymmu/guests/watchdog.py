# SPDX-License-Identifier: GPL-2.0-only
"""Tells a guest that hangs from one that is slow: it counts only silence during which the guest could run."""

import time
from collections.abc import Callable

from lazymmu.guests import host_process
from lazymmu.support.deadline import Deadline

# How long a guest may be silent, in seconds of its own time. With the diagnosis, a hang is reported within 6 s.
SILENCE = 2.75
# A booting kernel is silent for a second now and then, which is several on a busy host.
BOOT_SILENCE = 10.0
_LOOK_EVERY = 0.5
# At most this part of the time counts as lost, so a hang is found even on an overloaded host.
_MOST_LOST = 0.8
# 0 would mean not to wait at all.
_SHORTEST = 0.001
# If the guest lost more than this part of the time, the host is to blame.
_STARVED = 0.5


class Watchdog:
    """Limits the wait for one thing. Wait for `until_look()` seconds, then call `heard` if it came, or else `look`.

    `process` returns the id of QEMU's process. `deadline` limits the whole wait. `silence` is the limit in seconds of
    the guest's own time, multiplied by `scale`.
    """

    def __init__(
        self, process: Callable[[], int | None], deadline: Deadline, *, scale: float, silence: float = SILENCE
    ) -> None:
        self.deadline = deadline
        self._process = process
        self._limit = silence * scale
        self._every = _LOOK_EVERY * min(scale, 1.0)
        self._looked = self._began = time.monotonic()
        self._silent = 0.0
        self._waited: dict[str, float] = {}
        #: Seconds in which the guest was ready to run and had no processor.
        self.lost = 0.0

    def until_look(self) -> float:
        """Return how long to wait before the next `look`, in seconds."""
        return max(_SHORTEST, min(self.deadline.remaining(), self._every, self._limit - self._silent))

    def heard(self) -> None:
        """Note a sign of life."""
        self._silent = 0.0
        self._looked = time.monotonic()

    def look(self) -> str | None:
        """Return why to stop waiting, None to wait on. Call it when nothing was heard."""
        now = time.monotonic()
        process = self._process()
        waited = host_process.seconds_without_processor(process) if process is not None else {}
        # If the harness itself was stopped, the guest may have run meanwhile.
        elapsed = min(now - self._looked, 2 * self._every)
        # The first look has nothing to compare with.
        gained = [waited[thread] - before for thread, before in self._waited.items() if thread in waited]
        lost = min(elapsed * _MOST_LOST, max([0.0, *gained]))
        self._looked, self._waited = now, waited
        self.lost += lost
        self._silent += elapsed - lost
        if self.deadline.remaining() == 0.0:
            if self.host_starved():
                total = now - self._began
                return f"the host is too slow: QEMU waited {self.lost:.0f} s of {total:.0f} s for a processor"
            return f"not done within {self.deadline.budget:.0f} s"
        return f"silent for {self._silent:.1f} s" if self._silent >= self._limit else None

    def host_starved(self) -> bool:
        """Return whether the guest could run in less than half of the time."""
        return self.lost > (time.monotonic() - self._began) * _STARVED
