# SPDX-License-Identifier: GPL-2.0-only
"""The port that leads to a guest is read from what QEMU's monitor says, and it is the guest's only connection."""

import json
import socket
import threading

import pytest
from lazymmu.guests import user_network
from lazymmu.support.deadline import Deadline

_TABLE = (
    "Hub -1 (net):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[HOST_FORWARD]  15       127.0.0.1 41523       10.0.2.15    22     0     0\r\n"
)


def said_by_monitor(answer: dict[str, object]) -> bytes:
    lines = [{"QMP": {"version": {}, "capabilities": []}}, {"return": {}}, {"event": "MIGRATION"}, answer]
    return b"".join(json.dumps(line).encode() + b"\r\n" for line in lines)


def test_the_port_arrives_in_any_pieces() -> None:
    near, far = socket.socketpair()
    with near, far:
        pieces = said_by_monitor({"return": _TABLE, "id": "usernet"})

        def send() -> None:
            for byte in pieces:
                far.sendall(bytes([byte]))

        sender = threading.Thread(target=send)
        sender.start()
        assert user_network.port(near, Deadline.after(5)) == 41523
        sender.join()


@pytest.mark.parametrize(
    "answer", [{"return": "nothing here", "id": "usernet"}, {"error": {"desc": "no"}, "id": "usernet"}]
)
def test_an_answer_without_a_port_is_an_error(answer: dict[str, object]) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(said_by_monitor(answer))
        with pytest.raises(ValueError, match=r"nothing here|no"):
            user_network.port(near, Deadline.after(5))


def test_a_monitor_that_is_closed_or_silent_is_an_error() -> None:
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(TimeoutError):
            user_network.port(near, Deadline.after(0.01))
        far.close()
        with pytest.raises(ConnectionResetError):
            user_network.port(near, Deadline.after(5))


def test_a_guest_is_connected_to_one_port_of_the_loopback_address_only() -> None:
    words = user_network.arguments("virtio-net-pci")
    options = words[words.index("-netdev") + 1].split(",")
    assert "restrict=on" in options
    assert [option for option in options if option.startswith("hostfwd=")] == ["hostfwd=tcp:127.0.0.1:0-:22"]
