# SPDX-License-Identifier: GPL-2.0-only
"""The guests that are running, so that an interrupt can end them all."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from lazymmu.guests import qemu
from lazymmu.guests.boot import Boot, Memory
from lazymmu.guests.findings.table import whole_table
from lazymmu.guests.qemu import Guest
from lazymmu.support.errors import GuestError, LazymmuError


class RunningGuests(Struct):
    """Starts guests, and ends all that are running. Any number of threads may use it."""

    #: Folder for the guests' logs; None keeps none.
    logs: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    #: Why the log of a guest is incomplete.
    log_failures: list[LazymmuError] = field(default_factory=list)
    _started: Counter[str] = field(default_factory=Counter)
    _running: list[Guest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    #: Held while the tables of console lines are read, so that one thread reads them for all.
    _tables: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def start(self, boot: Boot, memory: Memory | None = None) -> Iterator[Guest]:
        """Run a guest for the length of a `with`. Raises GuestError, also after `close`."""
        machine = boot.name.replace(" ", "-")
        with self._lock:
            self._started[machine] += 1
            name = f"{machine}-{self._started[machine]}"
        with qemu.start(boot, memory, self.logs, name, self.log_failures) as guest:
            with self._lock:
                self._running.append(guest)
            try:
                # A mistake in a table must not wait for a guest that complains. It takes 10 ms: QEMU starts meanwhile.
                with self._tables:
                    whole_table()
                if self.stopping.is_set():
                    raise GuestError(f"{guest.name}: interrupted")
                yield guest
            finally:
                with self._lock:
                    self._running.remove(guest)

    def close(self) -> None:
        """End every guest. Whoever waits for one sees a closed connection."""
        self.stopping.set()
        with self._lock:
            for guest in self._running:
                guest.kill()
