# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's user network for one guest: it connects one port of the host's loopback address to the guest, nothing else.

The system chooses the port, so guests never collide. QEMU's monitor says which port it is. QEMU listens nowhere else,
and the guest reaches neither the host nor a network.
"""

import json
import re
import socket
from collections.abc import Mapping

from lazymmu.support.deadline import Deadline

_ID = "usernet"
#: The monitor's command whose answer `port` reads.
QUESTION: Mapping[str, object] = {
    "execute": "human-monitor-command",
    "arguments": {"command-line": "info usernet"},
    "id": _ID,
}
_PORT = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s")


def arguments(device: str) -> tuple[str, ...]:
    """Return QEMU's arguments for the network card `device`, and for a host port that leads to the guest's port 22."""
    network = "user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22"
    return ("-netdev", network, "-device", f"{device},netdev=net")


def port(monitor: socket.socket, deadline: Deadline) -> int:
    """Return the forwarded port from the answer to QUESTION. Raises OSError, ValueError."""
    monitor.settimeout(max(deadline.remaining(), 0.001))
    with monitor.makefile("rb") as lines:
        for line in lines:
            # Parse it here: QMP's library takes longer to load than a guest to be restored.
            message = json.loads(line)
            if isinstance(message, dict) and message.get("id") == _ID:
                if match := _PORT.search(str(message.get("return", ""))):
                    return int(match[1])
                raise ValueError(f"{message.get('return', message.get('error'))!r}")
    raise ConnectionResetError("its monitor was closed")
