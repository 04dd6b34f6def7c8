# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose agent is played by a test, at the other end of a real socket."""

import os
import socket
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.qemu import Guest
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestDied, GuestError, GuestHung

#: Priority and text of a record of the kernel's log.
Record = tuple[int, bytes]


class Peer:
    """What a connection asks of a guest; `far` is the agent's end."""

    name = "arm64"

    def __init__(self, channel: socket.socket, far: socket.socket) -> None:
        self.channel = channel
        self.far = far
        self.channel_log = ChannelLog(None, [])
        self.console = SimpleNamespace(received=0)
        #: Whether the machine is dead and QEMU still runs.
        self.waits_to_restart = False

    def process(self) -> int:
        return os.getpid()

    def exit_status(self) -> int | None:
        return None

    def is_waiting_to_restart(self) -> bool:
        return self.waits_to_restart

    def kill(self) -> None:
        """Do nothing: the peer is no process."""

    def failure(self, what: str, kind: type[GuestError] = GuestError) -> GuestError:
        return kind(f"{self.name}: {what}")

    def death(self) -> GuestError:
        return self.failure("the connection was closed", GuestDied)

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        return self.failure(f"hangs: {what}, agent {agent_answers}", kind)

    def details(self) -> str:
        return "console"

    def connection(self, scale: float = 1.0) -> AgentConnection:
        """Return the harness's connection to this guest."""
        return AgentConnection(cast("Guest", self), scale)

    def says(self, data: bytes) -> None:
        """Send to the harness what the agent says."""
        self.far.sendall(data)


@contextmanager
def connected() -> Iterator[Peer]:
    """Hold a guest for the length of a `with`."""
    near, far = socket.socketpair()
    with near, far:
        yield Peer(near, far)


def reply(*records: bytes | Record, request: int = 1, status: int = 0, first: int = 7, content: bytes = b"") -> bytes:
    """Return an agent's reply with these records of the kernel's log, and the content of a file unless it is empty."""
    texts: Sequence[Record] = [record if isinstance(record, tuple) else (6, record) for record in records]
    lines = b"".join(b"k %d,%d,12345,-;%b\n" % (level, first + n, text) for n, (level, text) in enumerate(texts))
    file = b"file %d %08x\n%b" % (len(content), zlib.crc32(content), content) if content else b""
    return file + lines + b"done %d %d %d %08x\n" % (request, status, len(texts), zlib.crc32(lines))


def soon() -> Deadline:
    """Return a deadline that no test should reach."""
    return Deadline.after(5.0)
