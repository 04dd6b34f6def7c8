# SPDX-License-Identifier: GPL-2.0-only
"""One command in a guest, with its terminal or its three streams on the host (docs/protocol.md, section 4).

Nothing here waits. The caller polls `fileno` for `wants`, and calls `exchange`.
"""

import re
import select
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.deadline import Deadline

_FRAME = re.compile(rb"([oex]) (\d{1,9})\n")
_LONGEST_HEAD = 16
_CHUNK = 65_536
# The largest frame that the guest takes.
_INPUT_FRAME = 4096
# The guest replies to the last frame within this time (seconds).
_CLOSING = 30.0


class Stream(Enum):
    """An output stream of a command."""

    OUT = "o"
    ERR = "e"


class Window(Struct, frozen=True):
    """A terminal: its size in characters, and its kind (TERM)."""

    rows: int
    columns: int
    term: str


class RemoteCommand:
    """A command in a guest. It is the only user of the connection until `close`."""

    def __init__(self, connection: AgentConnection, command: Sequence[str], window: Window | None) -> None:
        """Start the command, on a terminal if there is a window."""
        #: The exit status as a shell says it; None while the command runs.
        self.status: int | None = None
        self._connection = connection
        term = re.sub(r"[^!-~]", "", window.term)[:60] or "dumb" if window else ""
        where = f"terminal {window.rows} {window.columns} {term}" if window else "pipes"
        connection.send("session", b"".join(word.encode(errors="surrogateescape") + b"\0" for word in command), where)
        self._channel = connection.channel
        self._unsent = connection.release_channel()
        self._received = bytearray()

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._channel.fileno()

    def wants(self) -> int:
        """Return the events to poll for: select.POLLIN, and POLLOUT if there is something to send."""
        return select.POLLIN | (select.POLLOUT if self._unsent else 0)

    def takes_input(self) -> bool:
        """Return whether the caller should send more input now. This limits how much waits here."""
        return len(self._unsent) < _INPUT_FRAME

    def send(self, data: bytes) -> None:
        """Send input to the command; empty data closes its input."""
        for begin in range(0, len(data) or 1, _INPUT_FRAME):
            self._frame(b"i", data[begin : begin + _INPUT_FRAME])

    def resize(self, window: Window) -> None:
        """Change the size of the command's terminal."""
        self._frame(b"w", f"{window.rows} {window.columns}".encode())

    def exchange(self) -> list[tuple[Stream, bytes]]:
        """Send and receive without waiting; return what the command wrote. Raises GuestError."""
        try:
            with suppress(BlockingIOError):
                while self._unsent:
                    del self._unsent[: self._channel.send(self._unsent)]
            with suppress(BlockingIOError):
                data = self._channel.recv(_CHUNK)
                if not data:
                    raise self._connection.guest.death()
                self._received += data
        except OSError:
            raise self._connection.guest.death() from None
        return self._output()

    def close(self) -> None:
        """Let the connection be used for requests again, once the command has exited. Raises GuestError."""
        self._frame(b"q", b"")
        self._connection.reclaim_channel(self._unsent, self._received)
        self._connection.reply(Deadline.after(_CLOSING))

    def _frame(self, kind: bytes, data: bytes) -> None:
        self._unsent += b"%b %d\n%b" % (kind, len(data), data)

    def _output(self) -> list[tuple[Stream, bytes]]:
        """Return the output in the complete frames, up to the command's exit."""
        output: list[tuple[Stream, bytes]] = []
        while self.status is None:
            head = _FRAME.match(self._received)
            if head is None or int(head[2]) > _CHUNK:
                if b"\n" in self._received or len(self._received) > _LONGEST_HEAD:
                    begin = bytes(self._received[:100])
                    raise self._connection.guest.failure(f"the guest sent no frame of a session: {begin!r}")
                break
            kind, number = head[1].decode(), int(head[2])
            if kind == "x":
                self.status = number
                del self._received[: head.end()]
                break
            end = head.end() + number
            if len(self._received) < end:
                break
            output.append((Stream(kind), bytes(self._received[head.end() : end])))
            del self._received[:end]
        return output
