# SPDX-License-Identifier: GPL-2.0-only
"""The guest's console: receives and keeps everything that the guest prints."""

import socket
import threading
from contextlib import suppress
from typing import Self

from lazymmu.guests.channel_log import ChannelLog

# Bytes that are kept of the beginning, and of the end, of a long console.
_KEPT = 1_000_000
_PIECE = 65_536
_CUT = b"\n[... the middle of the console is not kept ...]\n"


class Console:
    """Reads the console's socket in a thread, for the length of a `with`."""

    def __init__(self, channel: socket.socket, log: ChannelLog) -> None:
        #: Number of bytes received so far.
        self.received = 0
        self.log = log
        self._channel = channel
        self._begin = bytearray()
        self._end = bytearray()
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread if QEMU's end is still open.
        self._channel.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _read(self) -> None:
        # QEMU resets the connection if it dies before it reads all that was sent to it.
        with suppress(ConnectionResetError):
            while data := self._channel.recv(_PIECE):
                self.received += len(data)
                self.log.add("<", data)
                room = _KEPT - len(self._begin)
                self._begin += data[:room]
                self._end += data[room:]
                del self._end[: -2 * _KEPT]

    def wait_for_end(self, seconds: float) -> None:
        """Wait until all output of a dead guest was read, at most so many seconds."""
        self._thread.join(seconds)

    def text(self) -> str:
        """Return everything printed so far."""
        begin, end = bytes(self._begin), bytes(self._end)
        whole = begin + end if len(end) < _KEPT else begin + _CUT + end[-_KEPT:]
        return whole.decode(errors="replace")
