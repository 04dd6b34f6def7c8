# SPDX-License-Identifier: GPL-2.0-only
"""Requests to an agent succeed, or raise an error that names the request and the cause."""

import zlib

import pytest
from lazymmu.guests.agent_connection import complaint
from lazymmu.support.errors import GuestError

from tests.unit.guests.peer import Peer, Record, reply, soon

_WARNING = (4, b"WARNING: CPU: 0 PID: 77 at kernel/x.c:3 f+0x1/0x2")
_LOCKUP = (0, b"watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:77]")
_BUG = (3, b"BUG: scheduling while atomic: x/1/0x2")
_UNKNOWN = (3, b"no table knows this")
_HARMLESS = (4, b"hrtimer: interrupt took 4711 ns")
# Values of /proc/sys/kernel/tainted.
_OUT_OF_TREE, _WARNED, _OOPSED, _LOCKED_UP = 1 << 12, 1 << 9, 1 << 7, 1 << 14


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
