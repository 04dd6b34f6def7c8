# SPDX-License-Identifier: GPL-2.0-only
"""The serial line takes whole answers only; the peer here is a script at the far end of a real socket."""

from __future__ import annotations

import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import cast

import pytest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.complaint import complaint
from lazymmu.guests.qemu import Guest
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError, GuestHung


class Peer:
    """Stands in for a guest: a line, and the errors that a guest would make of its end."""

    name = "arm64"

    def __init__(self, channel: socket.socket, far: socket.socket) -> None:
        self.channel = channel
        self.far = far
        self.channel_log = ChannelLog(None)
        self.console = SimpleNamespace(received=0)

    def process(self) -> int:
        return os.getpid()

    def death(self) -> GuestError:
        return GuestError(f"{self.name}: the line was closed", details=self.details())

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        return kind(f"{self.name}: {what}, agent {agent_answers}", details=self.details())

    def details(self) -> str:
        return "console"


@pytest.fixture
def peer() -> Iterator[Peer]:
    near, far = socket.socketpair()
    with near, far:
        yield Peer(near, far)


def line(peer: Peer, scale: float = 1.0) -> AgentConnection:
    return AgentConnection(cast("Guest", peer), scale)


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
        (answer(b"one").replace(b"done 1 0 1", b"done 01 0 1"), "neither record nor end"),
        (b"file 0 00000000\n" + answer(b"one"), "a run answered with a file"),
        (b"file 1 00000000\n" + answer(b"one"), "a file with a wrong checksum"),
        (b"file 99999999 00000000\n", "a file of 99999999 bytes"),
        (b"k 6,7,12345,-;" + b"x" * 20_000, "a line without an end"),
        (b"refused a line that is not a request\n", "neither record nor end"),
    ],
)
def test_a_damaged_answer_is_an_error_that_says_what_is_wrong(peer: Peer, damage: bytes, reason: str) -> None:
    peer.far.sendall(damage)
    with pytest.raises(GuestError, match=reason):
        line(peer).run("program", soon())


def test_a_gap_in_the_logs_numbers_is_an_error_also_between_answers(peer: Peer) -> None:
    serial = line(peer)
    peer.far.sendall(answer(b"one", first=7))
    serial.run("program", soon())
    peer.far.sendall(answer(b"two", first=9, request=2))
    with pytest.raises(GuestError, match="record 9 where 8 was due"):
        serial.run("program", soon())


def taint(value: int, *records: bytes) -> bytes:
    """Return the answer to the question for what taints the kernel."""
    lines = b"".join(b"k 4,%d,12345,-;%s\n" % (number, text) for number, text in enumerate(records))
    content = b"%d\n" % value
    file = b"file %d %08x\n%b" % (len(content), zlib.crc32(content), content)
    return file + lines + b"done 1 0 %d %08x\n" % (len(records), zlib.crc32(lines))


_WARNED = b"WARNING: CPU: 0 PID: 77 at kernel/x.c:3 f+0x1/0x2"
_DIED = b"BUG: soft lockup - CPU#0 stuck for 22s! [x:77]"


@pytest.mark.parametrize(
    ("text", "allowed", "complains"),
    [
        (taint(4096), False, False),
        (taint(512), False, True),
        (taint(512), True, False),
        (taint(0, _WARNED), False, True),
        (taint(512, _WARNED), True, False),
        # What a scenario allows is the WARNING, and nothing else.
        (taint(512 | 1 << 14), True, True),
        (taint(512, _WARNED, _DIED), True, True),
        (taint(1 << 7), True, True),
    ],
)
def test_what_the_kernel_complains_of_late_is_heard_and_only_a_warning_may_be_allowed(
    peer: Peer, text: bytes, allowed: bool, complains: bool
) -> None:
    peer.far.sendall(text)
    assert (line(peer).late_complaint(soon(), warnings_allowed=allowed) is not None) == complains


def test_a_kernel_that_does_not_tell_what_taints_it_is_an_error(peer: Peer) -> None:
    peer.far.sendall(answer(status=5))
    with pytest.raises(GuestError, match=r"cannot read /proc/sys/kernel/tainted in the guest \(errno 5\)"):
        line(peer).late_complaint(soon())


def test_a_line_closed_in_the_middle_is_an_error(peer: Peer) -> None:
    peer.far.sendall(answer(b"one", b"two")[:-5])
    peer.far.shutdown(socket.SHUT_WR)
    with pytest.raises(GuestError, match="the line was closed"):
        line(peer).run("program", soon())


def test_a_guest_that_is_never_done_is_an_error_at_the_deadline(peer: Peer) -> None:
    peer.far.sendall(answer(b"one")[:10])
    with pytest.raises(GuestError, match="not done within 0 s, no whole answer"):
        line(peer).run("program", Deadline.after(0.05))


def test_a_silent_guest_is_an_error_long_before_the_deadline(peer: Peer) -> None:
    peer.far.sendall(answer(b"one")[:10])
    begin = time.monotonic()
    with pytest.raises(GuestError, match=r"silent for 0\.[0-9] s, no whole answer, agent True"):
        line(peer, scale=0.05).run("program", Deadline.after(60))
    assert time.monotonic() - begin < 5


def test_a_program_that_gets_on_is_waited_for(peer: Peer) -> None:
    serial = line(peer, scale=0.1)

    def live() -> None:
        # Longer than silence may last, in which each sign tells of progress.
        for steps in range(1, 13):
            peer.far.sendall(b"at %d\n" % steps)
            peer.far.settimeout(0.1)
            with pytest.raises(TimeoutError):
                while True:
                    peer.far.recv(4096)
        peer.far.sendall(answer(b"one"))

    guest = threading.Thread(target=live)
    guest.start()
    got = serial.run("program", Deadline.after(60))
    guest.join()
    assert (got.records, serial.steps_begun) == (("one",), 12)


def test_a_program_that_stands_still_is_an_error_although_the_agent_answers(peer: Peer) -> None:
    serial = line(peer, scale=0.1)
    over = threading.Event()

    def stand_still() -> None:
        while not over.wait(0.02):
            peer.far.sendall(b"at 3\n")

    guest = threading.Thread(target=stand_still)
    guest.start()
    with pytest.raises(GuestError, match="agent True"):
        serial.run("program", Deadline.after(60))
    over.set()
    guest.join()
    assert serial.steps_begun == 3


def test_a_kernel_that_talks_on_its_console_is_not_silent(peer: Peer) -> None:
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.05):
            peer.console.received += 1

    guest = threading.Thread(target=talk)
    guest.start()
    with pytest.raises(GuestError, match="not done within 2 s"):
        line(peer, scale=0.1).handshake(Deadline.after(1.5))
    over.set()
    guest.join()


def test_a_handshake_that_never_comes_is_an_error(peer: Peer) -> None:
    with pytest.raises(GuestError, match="waiting for the agent's first sign"):
        line(peer).handshake(Deadline.after(0.05))


def test_bytes_that_nobody_asked_for_are_an_error_of_the_next_request(peer: Peer) -> None:
    serial = line(peer)
    peer.far.sendall(answer(b"one") + b"k 6,8,")
    serial.run("program", soon())
    with pytest.raises(GuestError, match="6 bytes that nobody asked for: b'k 6,8,'"):
        serial.run("program", soon())


def test_a_guest_that_never_stops_talking_is_an_error_at_the_deadline(peer: Peer) -> None:
    serial = line(peer)
    over = threading.Event()

    def talk() -> None:
        number = 7
        with suppress(TimeoutError):
            peer.far.settimeout(0.2)
            while not over.is_set():
                peer.far.sendall(b"k 6,%d,12345,-;again\n" % number)
                number += 1

    guest = threading.Thread(target=talk)
    guest.start()
    with pytest.raises(GuestError, match="not done within 1 s"):
        serial.run("program", Deadline.after(1.0))
    over.set()
    guest.join()


def test_the_steps_of_the_program_before_are_not_taken_for_progress(peer: Peer) -> None:
    serial = line(peer)
    peer.far.sendall(b"at 60000\nat 0\nat 3\n" + answer(b"one"))
    serial.run("program", soon())
    assert serial.steps_begun == 3


def test_a_complaint_of_the_kernel_is_heard_with_any_answer(peer: Peer) -> None:
    said = b"k 3,7,12345,-;BUG: scheduling while atomic: x/1/0x2\n"
    peer.far.sendall(b"file 1 %08x\nx%bdone 1 0 1 %08x\n" % (zlib.crc32(b"x"), said, zlib.crc32(said)))
    with pytest.raises(GuestError, match="the guest's kernel complained: scheduling while atomic"):
        line(peer).read("/proc/x", soon())


def test_a_read_without_its_file_is_an_error(peer: Peer) -> None:
    peer.far.sendall(answer())
    with pytest.raises(GuestError, match="a read answered without a file"):
        line(peer).read("/proc/x", soon())


def file(content: bytes, told: bytes) -> bytes:
    return b"file %d %08x\n%bdone 1 0 0 00000000\n" % (len(content), zlib.crc32(told), content)


def test_a_file_of_the_guest_arrives_whole_or_not_at_all(peer: Peer) -> None:
    peer.far.sendall(file(b"a\nk 6,1,2,-;b\0", b"a\nk 6,1,2,-;b\0"))
    assert line(peer).read("/proc/x", soon()) == b"a\nk 6,1,2,-;b\0"
    peer.far.sendall(file(b"content", b"kontent"))
    with pytest.raises(GuestError, match="a file with a wrong checksum"):
        line(peer).read("/proc/x", soon())


def test_a_file_that_is_not_there_is_an_error_with_its_name(peer: Peer) -> None:
    peer.far.sendall(answer(status=2))
    with pytest.raises(GuestError, match=r"cannot read /proc/x in the guest \(errno 2\)"):
        line(peer).read("/proc/x", soon())


def test_the_handshake_gives_the_kernels_release(peer: Peer) -> None:
    peer.far.sendall(b"hello lazymmu-agent 1 6.12.1 aarch64\n")
    assert line(peer).handshake(soon()) == "6.12.1"


def test_a_module_that_the_kernel_refuses_is_an_error_with_its_reason(peer: Peer) -> None:
    peer.far.sendall(answer(b"lazymmu: version magic", status=8))
    with pytest.raises(GuestError, match="errno 8") as caught:
        line(peer).load(b"ELF", soon())
    assert "version magic" in caught.value.details


def test_parameters_of_a_module_stand_in_the_request(peer: Peer) -> None:
    peer.far.sendall(answer())
    line(peer).load(b"ELF", soon(), "mutant=3")
    assert peer.far.recv(100) == b"load 1 3 %08x mutant=3\nELF" % zlib.crc32(b"ELF")


WARNING = (b"4", b"------------[ cut here ]------------"), (b"4", b"WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2")


@pytest.mark.parametrize(
    "said",
    [
        ((b"0", b"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:1]"),),
        ((b"3", b"BUG: scheduling while atomic: x/1/0x2"),),
        ((b"3", b"something that no table knows"),),
        WARNING,
    ],
)
def test_a_kernel_that_complains_is_noticed(peer: Peer, said: tuple[tuple[bytes, bytes], ...]) -> None:
    assert complaint(said_by_kernel(peer, said))


def said_by_kernel(peer: Peer, said: tuple[tuple[bytes, bytes], ...]) -> AgentReply:
    lines = b"".join(b"k %b,%d,12345,-;%b\n" % (level, number, text) for number, (level, text) in enumerate(said))
    peer.far.sendall(lines + b"done 1 0 %d %08x\n" % (len(said), zlib.crc32(lines)))
    return line(peer).run("program", soon())


def test_a_warning_that_is_allowed_is_no_complaint_but_anything_beside_it_is(peer: Peer) -> None:
    assert complaint(said_by_kernel(peer, WARNING), warnings_allowed=True) is None
    both = (*WARNING, (b"3", b"BUG: scheduling while atomic: x/1/0x2"))
    assert complaint(said_by_kernel(peer, both), warnings_allowed=True)


def test_a_harmless_note_of_the_kernel_is_none(peer: Peer) -> None:
    assert complaint(said_by_kernel(peer, ((b"4", b"hrtimer: interrupt took 4711 ns"),))) is None
