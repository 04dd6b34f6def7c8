# SPDX-License-Identifier: GPL-2.0-only
"""The guest's console: everything it printed, kept from the first byte to the last."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import Self

import pexpect
from pexpect.fdpexpect import fdspawn

_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")


class _Log:
    """What pexpect writes each piece of output to, as it arrives."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        """Nothing is held back."""


class Console:
    """Drains one end of the console's socket in a thread; owns the socket."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._log = _Log()
        self._thread = threading.Thread(target=self._drain, name="console", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread if QEMU's end is still open.
        self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._line.close()

    def _drain(self) -> None:
        spawn = fdspawn(self._line, timeout=None, maxread=65536)
        spawn.delayafterread = None
        spawn.logfile_read = self._log
        # A QEMU that dies with bytes for it unread resets the connection: as good as an end of file.
        with suppress(ConnectionResetError):
            spawn.expect_exact([pexpect.EOF])

    def wait_for_end(self, seconds: float) -> None:
        """Wait so long for the rest of a dead guest's output."""
        self._thread.join(seconds)

    def text(self) -> str:
        """Return everything printed so far."""
        return bytes(self._log.data).decode(errors="replace")

    def panic(self) -> str | None:
        """Return what the kernel panicked of, None when it did not."""
        found = _PANIC.search(self.text())
        return found.group(1).strip() if found else None
