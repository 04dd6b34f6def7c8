# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's user network for one guest: it connects one port of the host's loopback address to the guest, nothing else.

The system chooses the port, so guests never collide. QEMU's monitor says which port it is. QEMU listens nowhere else,
and the guest reaches neither the host nor a network.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence

from lazymmu.support.deadline import Deadline

_ID = "usernet"
_FORWARD = "hostfwd=tcp:127.0.0.1:0-:22"
#: The monitor's command whose answer `port` reads.
QUESTION: Mapping[str, object] = {
    "execute": "human-monitor-command",
    "arguments": {"command-line": "info usernet"},
    "id": _ID,
}
_PORT = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s")
_PIECE = 65_536
# QEMU's answer comes long before so many bytes.
_LIMIT = 1_000_000


def arguments(device: str) -> tuple[str, ...]:
    """Return QEMU's arguments for a network card, which is a QEMU device, and a forward to the guest's port 22."""
    return ("-netdev", f"user,id=net,restrict=on,ipv6=off,{_FORWARD}", "-device", f"{device},netdev=net")


def forwards(arguments: Sequence[str]) -> bool:
    """Return whether these are the arguments of a QEMU that forwards a port."""
    return any(_FORWARD in argument for argument in arguments)


def port(monitor: socket.socket, deadline: Deadline) -> int:
    """Return the forwarded port from the answer to QUESTION. Raises OSError, ValueError."""
    received = b""
    while len(received) < _LIMIT:
        *lines, received = received.split(b"\n")
        for line in lines:
            # QMP's library takes longer to load than a guest to be restored.
            message = json.loads(line)
            if isinstance(message, dict) and message.get("id") == _ID:
                return _port_in(message)
        monitor.settimeout(max(deadline.remaining(), 0.001))
        data = monitor.recv(_PIECE)
        if not data:
            raise ConnectionResetError("its monitor was closed")
        received += data
    raise ValueError(f"no answer in {_LIMIT} bytes")


def _port_in(answer: Mapping[str, object]) -> int:
    match = _PORT.search(str(answer.get("return", "")))
    if match is None:
        raise ValueError(f"{answer.get('return', answer.get('error'))!r}")
    return int(match[1])
