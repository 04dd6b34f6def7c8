# SPDX-License-Identifier: GPL-2.0-only
"""Requests to an agent wait as long as it makes sense, and accept complete replies only; errors name their cause."""

import socket
import threading
import time
import zlib
from contextlib import suppress

import pytest
from lazymmu.guests.agent_connection import complaint
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestDied, GuestError, GuestHung

from tests.unit.guests.peer import Peer, Record, reply, soon

_WARNING = (4, b"WARNING: CPU: 0 PID: 77 at kernel/x.c:3 f+0x1/0x2")
_LOCKUP = (0, b"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:77]")
_BUG = (3, b"BUG: scheduling while atomic: x/1/0x2")
_UNKNOWN = (3, b"no table knows this")
_HARMLESS = (4, b"hrtimer: interrupt took 4711 ns")
# Values of /proc/sys/kernel/tainted.
_OUT_OF_TREE, _WARNED, _OOPSED, _LOCKED_UP = 1 << 12, 1 << 9, 1 << 7, 1 << 14


def test_a_complete_reply_arrives_in_any_pieces(peer: Peer) -> None:
    text = reply(b"one", b"two; with a semicolon", rb"three\x0afour")

    def send() -> None:
        for byte in text:
            peer.says(bytes([byte]))

    sender = threading.Thread(target=send)
    sender.start()
    received = peer.connection().run("program", soon())
    sender.join()
    assert (received.status, received.records) == (0, ("one", "two; with a semicolon", "three", "four"))


def test_a_request_carries_length_and_checksum(peer: Peer) -> None:
    peer.says(reply())
    peer.connection().run("text", soon())
    assert peer.far.recv(100) == b"run 1 4 %08x\ntext" % zlib.crc32(b"text")


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (reply(b"one", b"two").replace(b";one", b";0ne"), "checksum"),
        (reply(b"one", b"two").replace(b"k 6,7,12345,-;one\n", b""), "records"),
        (reply(b"one").replace(b"done 1 0 1", b"done 1 0 2"), "records"),
        (reply(b"one", request=2), "the reply to request 2 instead of request 1"),
        (reply(b"one").replace(b"k 6", b"x 6"), "neither record nor end"),
        (reply(b"one").replace(b"done 1 0 1", b"done 01 0 1"), "neither record nor end"),
        (b"file 0 00000000\n" + reply(b"one"), "the reply to a run came with a file"),
        (b"file 1 00000000\n" + reply(b"one"), "a file with a wrong checksum"),
        (b"file 99999999 00000000\n", "a file of 99999999 bytes"),
        (b"k 6,7,12345,-;" + b"x" * 20_000, "a line without an end"),
        (b"refused a line that is not a request\n", "neither record nor end"),
    ],
)
def test_a_damaged_reply_is_an_error_that_says_what_is_wrong(peer: Peer, damaged: bytes, reason: str) -> None:
    peer.says(damaged)
    with pytest.raises(GuestError, match=reason):
        peer.connection().run("program", soon())


def test_a_gap_between_the_log_records_of_two_replies_is_an_error(peer: Peer) -> None:
    connection = peer.connection()
    peer.says(reply(b"one", first=7))
    connection.run("program", soon())
    peer.says(reply(b"two", first=9, request=2))
    with pytest.raises(GuestError, match="record 9 instead of 8"):
        connection.run("program", soon())


def test_bytes_after_a_reply_are_an_error_of_the_next_request(peer: Peer) -> None:
    connection = peer.connection()
    peer.says(reply(b"one") + b"k 6,8,")
    connection.run("program", soon())
    with pytest.raises(GuestError, match="6 bytes that nobody asked for: b'k 6,8,'"):
        connection.run("program", soon())


def test_a_connection_closed_during_a_reply_is_a_dead_guest(peer: Peer) -> None:
    peer.says(reply(b"one", b"two")[:-5])
    peer.far.shutdown(socket.SHUT_WR)
    with pytest.raises(GuestDied):
        peer.connection().run("program", soon())


def test_a_reply_that_is_never_complete_is_an_error_at_the_deadline(peer: Peer) -> None:
    peer.says(reply(b"one")[:10])
    with pytest.raises(GuestError, match="not done within 0 s, no complete reply") as caught:
        peer.connection().run("program", Deadline.after(0.02))
    assert not isinstance(caught.value, GuestHung)


def test_a_silent_guest_hangs_long_before_the_deadline(peer: Peer) -> None:
    peer.says(reply(b"one")[:10])
    begin = time.monotonic()
    with pytest.raises(GuestHung, match=r"silent for 0\.[0-9] s, no complete reply, agent True"):
        peer.connection(scale=0.02).run("program", Deadline.after(60))
    assert time.monotonic() - begin < 5


def test_a_program_without_progress_hangs_although_the_agent_answers(peer: Peer) -> None:
    connection = peer.connection(scale=0.02)
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(0.01):
            peer.says(b"at 3\n")

    agent = threading.Thread(target=repeat)
    agent.start()
    with pytest.raises(GuestHung, match="agent True"):
        connection.run("program", Deadline.after(60))
    over.set()
    agent.join()
    assert connection.steps_begun == 3


def test_a_guest_that_never_stops_sending_is_an_error_at_the_deadline(peer: Peer) -> None:
    over = threading.Event()

    def send() -> None:
        number = 7
        with suppress(TimeoutError):
            peer.far.settimeout(0.1)
            while not over.is_set():
                peer.says(b"k 6,%d,12345,-;again\n" % number)
                number += 1

    agent = threading.Thread(target=send)
    agent.start()
    with pytest.raises(GuestError, match="not done within 0 s"):
        peer.connection().run("program", Deadline.after(0.05))
    over.set()
    agent.join()


def test_progress_counts_from_the_last_program(peer: Peer) -> None:
    connection = peer.connection()
    peer.says(b"at 60000\nat 0\nat 3\n" + reply(b"one"))
    connection.run("program", soon())
    assert connection.steps_begun == 3


def test_the_handshake_learns_the_kernels_release(peer: Peer) -> None:
    connection = peer.connection()
    peer.says(b"hello lazymmu-agent 1 6.12.1 aarch64\n")
    connection.handshake(soon())
    assert connection.release == "6.12.1"


def test_a_booting_kernel_that_prints_is_not_silent(peer: Peer) -> None:
    over = threading.Event()

    def boot() -> None:
        while not over.wait(0.005):
            peer.console.received += 1

    guest = threading.Thread(target=boot)
    guest.start()
    with pytest.raises(GuestError, match="not done within 0 s"):
        peer.connection().handshake(Deadline.after(0.2), silence=0.1)
    over.set()
    guest.join()


def test_a_module_that_the_kernel_refuses_is_an_error_with_the_reason(peer: Peer) -> None:
    peer.says(reply(b"lazymmu: version magic", status=8))
    connection = peer.connection()
    connection.send("load", b"ELF", "mutant=3")
    assert peer.far.recv(100) == b"load 1 3 %08x mutant=3\nELF" % zlib.crc32(b"ELF")
    with pytest.raises(GuestError, match="the guest refused the module: Exec format error") as caught:
        connection.await_done("refused the module", soon())
    assert "version magic" in caught.value.details


def test_any_bytes_of_a_file_arrive(peer: Peer) -> None:
    content = b"a\nk 6,1,2,-;b\0"
    peer.says(reply(content=content))
    assert peer.connection().read("/proc/x", soon()) == content


@pytest.mark.parametrize(
    ("status", "reason"), [(2, "the guest could not read /x: No such file or directory"), (0, "came without a file")]
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_name(peer: Peer, status: int, reason: str) -> None:
    peer.says(reply(status=status))
    with pytest.raises(GuestError, match=reason):
        peer.connection().read("/x", soon())


def test_a_file_that_cannot_be_written_is_an_error_with_its_name(peer: Peer) -> None:
    peer.says(reply(status=17))
    connection = peer.connection()
    connection.send_file("/x", b"", 0o600)
    with pytest.raises(GuestError, match="the guest could not write /x: File exists"):
        connection.await_file("/x", soon())


def test_a_complaint_of_the_kernel_fails_any_request(peer: Peer) -> None:
    peer.says(reply(_BUG, content=b"x"))
    with pytest.raises(GuestError, match="the guest's kernel complained: scheduling while atomic"):
        peer.connection().read("/proc/x", soon())


@pytest.mark.parametrize(
    ("records", "warnings_allowed", "complains"),
    [
        ([_LOCKUP], False, True),
        ([_BUG], False, True),
        ([_UNKNOWN], False, True),
        ([_WARNING], False, True),
        ([_WARNING], True, False),
        ([_WARNING, _BUG], True, True),
        ([_HARMLESS], False, False),
    ],
)
def test_a_complaint_is_an_error_level_or_a_finding_unless_it_is_an_allowed_warning(
    peer: Peer, records: list[Record], warnings_allowed: bool, complains: bool
) -> None:
    peer.says(reply(*records))
    received = peer.connection().run("program", soon())
    assert (complaint(received, warnings_allowed=warnings_allowed) is not None) == complains


@pytest.mark.parametrize(
    ("taint", "records", "warnings_allowed", "complains"),
    [
        (_OUT_OF_TREE, [], False, False),
        (_WARNED, [], False, True),
        (_WARNED, [], True, False),
        (0, [_WARNING], False, True),
        (_WARNED, [_WARNING], True, False),
        (_WARNED | _LOCKED_UP, [], True, True),
        (_WARNED, [_WARNING, _LOCKUP], True, True),
        (_OOPSED, [], True, True),
    ],
)
def test_a_late_complaint_is_a_record_or_a_taint_unless_it_is_an_allowed_warning(
    peer: Peer, taint: int, records: list[Record], warnings_allowed: bool, complains: bool
) -> None:
    peer.says(reply(*records, content=b"%d\n" % taint))
    late = peer.connection().late_complaint(soon(), warnings_allowed=warnings_allowed)
    assert (late is not None) == complains


def test_a_kernel_whose_taint_cannot_be_read_is_an_error(peer: Peer) -> None:
    peer.says(reply(status=5))
    with pytest.raises(GuestError, match="the guest could not read /proc/sys/kernel/tainted: Input/output error"):
        peer.connection().late_complaint(soon())


def test_a_guest_that_is_dead_and_waits_to_restart_is_not_a_hang(peer: Peer) -> None:
    peer.waits_to_restart = True
    with pytest.raises(GuestDied):
        peer.connection().run("program", soon())
