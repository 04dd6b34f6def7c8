# SPDX-License-Identifier: GPL-2.0-only
"""One command in a guest with its terminal, or its three streams, on the host (docs/protocol.md, section 4).

Nothing here waits: whoever owns the loop asks `wants`, polls `fileno`, and calls `exchange`.
"""

from __future__ import annotations

import re
import select
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from typing import Protocol

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.deadline import Deadline

_FRAME = re.compile(rb"([oex]) (\d{1,9})\n")
_LONGEST_HEAD = 16
_CHUNK = 65_536
# The guest takes frames of this size, and answers the last one, within so many seconds.
_INPUT_FRAME = 4096
_CLOSING = 30.0


class Stream(Enum):
    """Where a command wrote something."""

    OUT = "o"
    ERR = "e"


class Window(Struct, frozen=True):
    """A terminal: its size in characters, and its kind (TERM)."""

    rows: int
    columns: int
    term: str


class Session(Protocol):
    """What a line offers for one command in a guest; a line of another kind has these functions, too."""

    #: Exit status of the command once it has ended, as a shell says it; None before.
    status: int | None

    def fileno(self) -> int:
        """Return what to poll."""

    def wants(self) -> int:
        """Return for what to poll: select.POLLIN, and POLLOUT while something waits to be sent."""

    def takes_input(self) -> bool:
        """Return whether more input is welcome now; bounds what waits here."""

    def send(self, data: bytes) -> None:
        """Give the command input; no bytes are its end."""

    def resize(self, window: Window) -> None:
        """Tell the command's terminal its size."""

    def exchange(self) -> list[tuple[Stream, bytes]]:
        """Send and receive what can be without waiting, and return what the command wrote. Raises GuestError."""

    def close(self) -> None:
        """End the conversation once the command has ended. Raises GuestError."""


class RemoteCommand:
    """A session over the agent's channel, which nobody else uses meanwhile."""

    def __init__(self, line: AgentConnection, command: Sequence[str], window: Window | None) -> None:
        """Start the command, on a terminal if there is a window for one."""
        self.status: int | None = None
        self._line = line
        terms = re.sub(r"[^!-~]", "", window.term)[:60] or "dumb" if window else ""
        where = f"terminal {window.rows} {window.columns} {terms}" if window else "pipes"
        line.send("session", b"".join(word.encode(errors="surrogateescape") + b"\0" for word in command), where)
        self._channel = line.channel
        self._sending = line.release_channel()
        self._received = bytearray()

    def fileno(self) -> int:
        """Return what to poll."""
        return self._channel.fileno()

    def wants(self) -> int:
        """Return for what to poll."""
        return select.POLLIN | (select.POLLOUT if self._sending else 0)

    def takes_input(self) -> bool:
        """Return whether less than a frame waits to be sent."""
        return len(self._sending) < _INPUT_FRAME

    def send(self, data: bytes) -> None:
        """Give the command input; no bytes are its end."""
        for begin in range(0, len(data) or 1, _INPUT_FRAME):
            self._frame(b"i", data[begin : begin + _INPUT_FRAME])

    def resize(self, window: Window) -> None:
        """Tell the command's terminal its size."""
        self._frame(b"w", f"{window.rows} {window.columns}".encode())

    def exchange(self) -> list[tuple[Stream, bytes]]:
        """Send and receive what can be without waiting. Raises GuestError when the guest or QEMU is dead."""
        try:
            with suppress(BlockingIOError):
                while self._sending:
                    del self._sending[: self._channel.send(self._sending)]
            with suppress(BlockingIOError):
                data = self._channel.recv(_CHUNK)
                if not data:
                    raise self._line.guest.death()
                self._received += data
        except OSError:
            raise self._line.guest.death() from None
        return self._frames()

    def close(self) -> None:
        """End the conversation, so that the line takes requests again. Raises GuestError."""
        self._frame(b"q", b"")
        self._line.reclaim_channel(self._sending, self._received)
        self._line.reply(Deadline.after(_CLOSING))

    def _frame(self, kind: bytes, data: bytes) -> None:
        self._sending += b"%b %d\n%b" % (kind, len(data), data)

    def _frames(self) -> list[tuple[Stream, bytes]]:
        """Take the whole frames of what was received, up to the command's end."""
        found: list[tuple[Stream, bytes]] = []
        while self.status is None:
            head = _FRAME.match(self._received)
            if head is None or int(head[2]) > _CHUNK:
                if b"\n" in self._received or len(self._received) > _LONGEST_HEAD:
                    raise self._line.guest.failure(f"no frame of a session: {bytes(self._received[:100])!r}")
                break
            kind, number = head[1].decode(), int(head[2])
            if kind == "x":
                self.status = number
                del self._received[: head.end()]
                break
            end = head.end() + number
            if len(self._received) < end:
                break
            found.append((Stream(kind), bytes(self._received[head.end() : end])))
            del self._received[:end]
        return found
