# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's user network for one guest: cut off from everything but one port of the host's loopback address.

The system chooses that port, so that guests never collide; QEMU's monitor tells which it is. Beside that port nothing
listens, and the guest reaches neither the host nor anything behind it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence

from lazymmu.support.deadline import Deadline

_ID = "usernet"
_FORWARD = "hostfwd=tcp:127.0.0.1:0-:22"
#: Asks the monitor what it forwards; `port` reads the answer.
QUESTION: Mapping[str, object] = {
    "execute": "human-monitor-command",
    "arguments": {"command-line": "info usernet"},
    "id": _ID,
}
_PORT = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s")
_PIECE = 65_536
# Far more than QEMU says before it answers.
_LONGEST = 1_000_000


def arguments(device: str) -> tuple[str, ...]:
    """Return QEMU's arguments for a guest with a network card, a QEMU device, at whose port 22 somebody listens."""
    return ("-netdev", f"user,id=net,restrict=on,ipv6=off,{_FORWARD}", "-device", f"{device},netdev=net")


def forwards(arguments: Sequence[str]) -> bool:
    """Return whether QEMU, with these arguments, forwards a port to its guest."""
    return any(_FORWARD in argument for argument in arguments)


def port(monitor: socket.socket, deadline: Deadline) -> int:
    """Return the port that is forwarded, from the answer to QUESTION. Raises OSError, ValueError."""
    received = b""
    while len(received) < _LONGEST:
        *lines, received = received.split(b"\n")
        for line in lines:
            # QMP's library would take longer to load than the guest to be restored.
            message = json.loads(line)
            if isinstance(message, dict) and message.get("id") == _ID:
                return _told(message)
        monitor.settimeout(max(deadline.remaining(), 0.001))
        data = monitor.recv(_PIECE)
        if not data:
            raise ConnectionResetError("its monitor was closed")
        received += data
    raise ValueError("no answer among all that it says")


def _told(message: Mapping[str, object]) -> int:
    found = _PORT.search(str(message.get("return", "")))
    if found is None:
        raise ValueError(f"{message.get('return', message.get('error'))!r}")
    return int(found[1])
