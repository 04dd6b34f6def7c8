# SPDX-License-Identifier: GPL-2.0-only
"""The guest's console: everything it printed, kept from the first byte to the last."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from lazymmu.guests.channel_log import ChannelLog

# What is kept of either end of a console that is flooded (bytes).
_KEPT = 1_000_000
_PIECE = 65_536
_CUT = b"\n[... the middle of the console is not kept ...]\n"


class Console:
    """Drains one end of the console's socket in a thread."""

    def __init__(self, line: socket.socket, journal: ChannelLog) -> None:
        #: Bytes that came so far.
        self.received = 0
        self._line = line
        self.channel_log = journal
        self._begin = bytearray()
        self._end = bytearray()
        self._thread = threading.Thread(target=self._drain, name="console", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread if QEMU's end is still open.
        self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _drain(self) -> None:
        # A QEMU that dies with bytes for it unread resets the connection: as good as an end of file.
        with suppress(ConnectionResetError):
            while data := self._line.recv(_PIECE):
                self._keep(data)

    def _keep(self, data: bytes) -> None:
        self.received += len(data)
        self.channel_log.add("<", data)
        room = _KEPT - len(self._begin)
        self._begin += data[:room]
        self._end += data[room:]
        del self._end[: -2 * _KEPT]

    def wait_for_end(self, seconds: float) -> None:
        """Wait so long for the rest of a dead guest's output."""
        self._thread.join(seconds)

    def text(self) -> str:
        """Return everything printed so far."""
        begin, end = bytes(self._begin), bytes(self._end)
        whole = begin + end if len(end) < _KEPT else begin + _CUT + end[-_KEPT:]
        return whole.decode(errors="replace")
