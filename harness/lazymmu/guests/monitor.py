# SPDX-License-Identifier: GPL-2.0-only
"""Talks to QEMU's monitor (QMP): to save a guest, to ask for its port, or to find out why it hangs.

QEMU's own library for it takes longer to load than a guest to be restored.
"""

import json
import socket
from collections import deque
from collections.abc import Mapping
from typing import IO, Any

from lazymmu.support.deadline import Deadline

_PIECE = 65_536
# 0 would mean not to wait at all.
_SHORTEST = 0.001


class Monitor:
    """The monitor of one QEMU, which has got `Boot.startup_commands`.

    A refused command, a closed monitor and one that does not answer in time raise OSError.
    """

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._received = b""
        self._commands = 0
        #: Events that came before a reply.
        self._events: deque[Mapping[str, Any]] = deque()

    def execute(self, command: str, deadline: Deadline, arguments: Mapping[str, object] | None = None) -> Any:
        """Return what QEMU returns for a command."""
        self._commands += 1
        line = {"execute": command, "arguments": arguments or {}, "id": self._commands}
        self._stream.sendall(f"{json.dumps(line)}\n".encode())
        return self._reply(deadline)

    def _reply(self, deadline: Deadline) -> Any:
        """Return what QEMU returns for the last command."""
        while (message := self._message(deadline)).get("id") != self._commands:
            if "event" in message:
                self._events.append(message)
        if "return" not in message:
            raise OSError(message["error"]["desc"])
        return message["return"]

    def send_file(self, name: str, file: socket.socket | IO[bytes], deadline: Deadline) -> None:
        """Give QEMU a copy of a socket or an open file under a name."""
        self._commands += 1
        line = {"execute": "getfd", "arguments": {"fdname": name}, "id": self._commands}
        socket.send_fds(self._stream, [f"{json.dumps(line)}\n".encode()], [file.fileno()])
        self._reply(deadline)

    def wait(self, event: str, deadline: Deadline) -> Mapping[str, Any]:
        """Wait for the next event of this name; return its data."""
        while (message := self._events.popleft() if self._events else self._message(deadline)).get("event") != event:
            pass
        data: Mapping[str, Any] = message["data"]
        return data

    def _message(self, deadline: Deadline) -> Mapping[str, Any]:
        while b"\n" not in self._received:
            self._stream.settimeout(max(deadline.remaining(), _SHORTEST))
            if not (data := self._stream.recv(_PIECE)):
                raise ConnectionResetError("it was closed")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: Mapping[str, Any] = json.loads(line)
        return message
