# SPDX-License-Identifier: GPL-2.0-only
"""The guests that are running, so that an interrupt can end them all."""

import re
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from msgspec import Struct, field

from lazymmu.guests.boot import Boot, Memory
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.console import Console
from lazymmu.guests.findings.table import whole_table
from lazymmu.guests.monitor import Monitor
from lazymmu.guests.qemu import Guest, launched
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
        """Run a guest for the length of a `with`: restored if `memory` has a state, else booted.

        Raises GuestError, also after `close`. QEMU dies with the *thread* that enters the `with` (PR_SET_PDEATHSIG), so
        the same thread must leave it.
        """
        machine = re.sub(r"[ /]+", "-", boot.name)
        with self._lock:
            self._started[machine] += 1
            name = f"{machine}-{self._started[machine]}"
        with ExitStack() as stack:
            stderr = stack.enter_context(tempfile.TemporaryFile())
            console_log, channel_log = (
                stack.enter_context(
                    ChannelLog(self.logs / f"{name}.{channel}.log" if self.logs else None, self.log_failures)
                )
                for channel in ("console", "channel")
            )
            running = ExitStack()
            ends = ("console", "channel", "monitor")
            process, lines, command = running.enter_context(launched(boot, ends, memory, output=stderr))
            console, monitor = Console(lines["console"], console_log), Monitor(lines["monitor"])
            guest = Guest(boot, console, lines["channel"], channel_log, monitor, process, stderr, command)
            if self.logs:
                stack.callback(guest.write_about, self.logs / f"{name}.qemu.txt")
            # QEMU ends before its output is written, so that the file has all of it.
            stack.enter_context(running)
            # If QEMU is already dead, whoever waits for the guest's reply will notice.
            with suppress(OSError):
                lines["monitor"].sendall(boot.startup_commands(memory))
            stack.enter_context(console)
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
