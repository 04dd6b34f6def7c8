# SPDX-License-Identifier: GPL-2.0-only
"""Replies and events of QEMU's monitor arrive in any pieces and any order, and each error has its reason."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from lazymmu.guests.monitor import Monitor
from lazymmu.support.deadline import Deadline


@pytest.fixture
def ends() -> Iterator[tuple[Monitor, socket.socket]]:
    """A monitor, and QEMU's end of it."""
    near, far = socket.socketpair()
    with near, far:
        yield Monitor(near), far


def lines(*messages: dict[str, object]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\r\n" for message in messages)


def test_replies_and_events_arrive_in_any_pieces(ends: tuple[Monitor, socket.socket]) -> None:
    monitor, far = ends
    begin: list[dict[str, object]] = [{"QMP": {}}, {"return": {}}, {"event": "STOP"}]
    events: list[dict[str, object]] = [{"event": "MIGRATION", "data": {"status": status}} for status in "abc"]

    def send() -> None:
        for byte in lines(*begin, *events[:2], {"return": 7, "id": 1}, events[2]):
            far.sendall(bytes([byte]))

    sender = threading.Thread(target=send)
    sender.start()
    deadline = Deadline.after(5)
    assert monitor.execute("query", deadline, {"a": 1}) == 7
    assert [monitor.wait("MIGRATION", deadline)["status"] for _ in events] == ["a", "b", "c"]
    sender.join()
    assert json.loads(far.recv(1000)) == {"execute": "query", "arguments": {"a": 1}, "id": 1}


def test_a_refusal_silence_and_the_end_are_errors(ends: tuple[Monitor, socket.socket]) -> None:
    monitor, far = ends
    far.sendall(lines({"error": {"class": "GenericError", "desc": "not now"}, "id": 1}))
    with pytest.raises(OSError, match="not now"):
        monitor.execute("migrate", Deadline.after(5))
    with pytest.raises(TimeoutError):
        monitor.execute("migrate", Deadline.after(0.01))
    far.close()
    with pytest.raises(ConnectionResetError):
        monitor.wait("MIGRATION", Deadline.after(5))
    with pytest.raises(BrokenPipeError):
        monitor.execute("migrate", Deadline.after(5))
