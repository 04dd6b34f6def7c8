# SPDX-License-Identifier: GPL-2.0-only
"""The serial line takes whole answers only; the peer here is a script at the far end of a real socket."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Iterator
from typing import cast

import pytest

from harness.core.deadline import Deadline
from harness.core.errors import GuestError
from harness.machine.qemu import Guest
from harness.transport.serial import SerialLine


class Peer:
    """Stands in for a guest: a line, and the errors that a guest would make of its end."""

    name = "arm64"

    def __init__(self, channel: socket.socket, far: socket.socket) -> None:
        self.channel = channel
        self.far = far

    def failure(self, what: str) -> GuestError:
        return GuestError(f"{self.name}: {what}", details=self.details())

    def details(self) -> str:
        return "console"


@pytest.fixture
def peer() -> Iterator[Peer]:
    near, far = socket.socketpair()
    with near, far:
        yield Peer(near, far)


def line(peer: Peer) -> SerialLine:
    return SerialLine(cast("Guest", peer))


def answer(*records: bytes, request: int = 1, status: int = 0, first: int = 7) -> bytes:
    lines = b"".join(b"k 6,%d,12345,-;%s\n" % (number, text) for number, text in enumerate(records, start=first))
    return lines + b"done %d %d %d %08x\n" % (request, status, len(records), zlib.crc32(lines))


def soon() -> Deadline:
    return Deadline.after(5.0)


def test_a_whole_answer_arrives_in_any_pieces(peer: Peer) -> None:
    text = answer(b"one", b"two; with a semicolon")

    def send() -> None:
        for byte in text:
            peer.far.sendall(bytes([byte]))

    sender = threading.Thread(target=send)
    sender.start()
    got = line(peer).run("program", soon())
    sender.join()
    assert (got.status, got.records) == (0, ("one", "two; with a semicolon"))


def test_the_request_carries_length_and_checksum(peer: Peer) -> None:
    peer.far.sendall(answer())
    line(peer).run("text", soon())
    assert peer.far.recv(100) == b"run 1 4 %08x\ntext" % zlib.crc32(b"text")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (answer(b"one", b"two").replace(b";one", b";0ne"), "checksum"),
        (answer(b"one", b"two").replace(b"k 6,7,12345,-;one\n", b""), "records"),
        (answer(b"one").replace(b"done 1 0 1", b"done 1 0 2"), "records"),
        (answer(b"one", request=2), "the answer to request 2"),
        (answer(b"one").replace(b"k 6", b"x 6"), "neither record nor end"),
        (b"refused a line that is not a request\n", "neither record nor end"),
    ],
)
def test_a_damaged_answer_is_an_error_that_says_what_is_wrong(peer: Peer, damage: bytes, reason: str) -> None:
    peer.far.sendall(damage)
    with pytest.raises(GuestError, match=reason):
        line(peer).run("program", soon())


def test_a_gap_in_the_logs_numbers_is_an_error_also_between_answers(peer: Peer) -> None:
    serial = line(peer)
    peer.far.sendall(answer(b"one", first=7) + answer(b"two", first=9, request=2))
    serial.run("program", soon())
    with pytest.raises(GuestError, match="record 9 where 8 was due"):
        serial.run("program", soon())


def test_a_line_closed_in_the_middle_is_an_error(peer: Peer) -> None:
    peer.far.sendall(answer(b"one", b"two")[:-5])
    peer.far.shutdown(socket.SHUT_WR)
    with pytest.raises(GuestError, match="the line was closed"):
        line(peer).run("program", soon())


def test_a_silent_guest_is_an_error_at_the_deadline(peer: Peer) -> None:
    peer.far.sendall(answer(b"one")[:10])
    with pytest.raises(GuestError, match="no whole answer"):
        line(peer).run("program", Deadline.after(0.05))


def test_a_handshake_that_never_comes_is_an_error_at_the_deadline(peer: Peer) -> None:
    with pytest.raises(GuestError, match="no sign of the agent"):
        line(peer).handshake(Deadline.after(0.05))


def test_the_handshake_gives_the_kernels_release(peer: Peer) -> None:
    peer.far.sendall(b"hello lazymmu-agent 1 6.12.1 aarch64\n")
    assert line(peer).handshake(soon()) == "6.12.1"


def test_a_module_that_the_kernel_refuses_is_an_error_with_its_reason(peer: Peer) -> None:
    peer.far.sendall(answer(b"lazymmu: version magic", status=8))
    with pytest.raises(GuestError, match="errno 8") as caught:
        line(peer).load(b"ELF", soon())
    assert "version magic" in caught.value.details


@pytest.mark.parametrize(
    ("level", "text"),
    [
        (0, b"watchdog: BUG: soft lockup - CPU#0 stuck"),
        (3, b"BUG: scheduling while atomic"),
        (4, b"------------[ cut here ]------------"),
    ],
)
def test_a_kernel_that_complains_makes_the_answer_an_error(peer: Peer, level: int, text: bytes) -> None:
    complaint = b"k %d,7,12345,-;%s\n" % (level, text)
    peer.far.sendall(complaint + b"done 1 0 1 %08x\n" % zlib.crc32(complaint))
    with pytest.raises(GuestError, match="the guest's kernel complained"):
        line(peer).run("program", soon())


def test_a_harmless_note_of_the_kernel_is_none(peer: Peer) -> None:
    noted = b"k 4,7,12345,-;hrtimer: interrupt took 4711 ns\n"
    peer.far.sendall(noted + b"done 1 0 1 %08x\n" % zlib.crc32(noted))
    assert line(peer).run("program", soon()).status == 0
