# SPDX-License-Identifier: GPL-2.0-only
"""A remote command exchanges frames with the guest: its words, its streams and its exit status."""

import zlib

import pytest
from lazymmu.guests.remote_command import RemoteCommand, Stream, Window
from lazymmu.support.errors import GuestDied, GuestError

from tests.unit.guests.peer import Peer


def started(peer: Peer, window: Window | None = None) -> RemoteCommand:
    command = RemoteCommand(peer.connection(), ("ls", "a b"), window)
    command.exchange()
    return command


def test_the_request_has_the_words_and_the_window(peer: Peer) -> None:
    started(peer, Window(24, 80, "xterm 256\n"))
    assert peer.far.recv(4096) == (b"session 1 7 %08x terminal 24 80 xterm256\nls\0a b\0" % zlib.crc32(b"ls\0a b\0"))


def test_output_arrives_in_any_pieces(peer: Peer) -> None:
    command, output = started(peer), []
    for byte in b"o 3\nonee 1\n\no 2\n\xff\nx 7\ndone":
        peer.says(bytes([byte]))
        output += command.exchange()
    assert output == [(Stream.OUT, b"one"), (Stream.ERR, b"\n"), (Stream.OUT, b"\xff\n")]
    assert command.status == 7


@pytest.mark.parametrize("wrong", [b"z 3\n", b"o -1\n", b"o 3 \n", b"k 6,1,2,-;text\n", b"o 11111111111111111111"])
def test_anything_but_a_frame_is_an_error(peer: Peer, wrong: bytes) -> None:
    command = started(peer)
    peer.says(wrong)
    with pytest.raises(GuestError, match="the guest sent no frame of a session"):
        command.exchange()


def test_a_guest_that_dies_is_an_error(peer: Peer) -> None:
    command = started(peer)
    peer.far.close()
    with pytest.raises(GuestDied):
        command.exchange()


def test_input_is_sent_in_frames_that_the_guest_takes_and_then_closed(peer: Peer) -> None:
    command = started(peer)
    peer.far.recv(4096)
    command.send(b"x" * 5000)
    assert not command.takes_input()
    command.send(b"")
    command.exchange()
    assert command.takes_input()
    assert peer.far.recv(8192) == b"i 4096\n" + b"x" * 4096 + b"i 904\n" + b"x" * 904 + b"i 0\n"
