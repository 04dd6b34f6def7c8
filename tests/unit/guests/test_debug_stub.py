# SPDX-License-Identifier: GPL-2.0-only
"""A guest is stopped by watchpoints: before a step, or when its program has ended."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lazymmu.guests.debug_stub import BEGUN, THREADS, DebugStub
from lazymmu.support.deadline import Deadline

ADDRESSES = {BEGUN: 0x1000, THREADS: 0x2000}
# What a program of two steps writes: begun and threads, after each write.
WRITES = [(0, 0), (0, 1), (1, 1), (2, 1), (2, 0)]


@contextmanager
def stub(*, stops_before_the_write: bool, little_endian: bool = True) -> Iterator[DebugStub]:
    """Connect to a stub whose guest stops before or after it writes."""
    near, far = socket.socketpair()

    def serve() -> None:
        done, stopped_before = 0, False
        received = b""
        while data := far.recv(100):
            received += data.replace(b"+", b"")
            while b"#" in received:
                packet = received[1 : received.index(b"#")].decode()
                received = received[len(packet) + 4 :]
                if packet in ("c", "s"):
                    stopped_before = stops_before_the_write and packet == "c"
                    done += not stopped_before
                    reply = "T05"
                elif packet.startswith("m"):
                    values = WRITES[min(done, len(WRITES)) - 1] if done else (0, 0)
                    value = values[packet.startswith("m2000")]
                    reply = value.to_bytes(4, "little" if little_endian else "big").hex()
                else:
                    reply = "OK" if packet.endswith(",4") else ""
                far.sendall(f"+${reply}#00".encode())

    thread = threading.Thread(target=serve)
    thread.start()
    with near:
        yield DebugStub(near, little_endian=little_endian)
    thread.join()
    far.close()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("little_endian", [True, False])
def test_it_stops_before_a_step_on_every_kind_of_architecture(before: bool, little_endian: bool) -> None:
    for step, reached in ((0, True), (1, True), (7, False), (None, True)):
        with stub(stops_before_the_write=before, little_endian=little_endian) as one:
            assert one.run_to(step, ADDRESSES, Deadline.after(10)) is reached
