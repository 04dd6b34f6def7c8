# SPDX-License-Identifier: GPL-2.0-only
"""A session on this side: frames from a line, the terminal, the files of a user, the words of the command."""

from __future__ import annotations

import os
import pty
import signal
import socket
import termios
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.qemu import Guest
from lazymmu.guests.remote_command import RemoteCommand, Stream, Window
from lazymmu.shell import files, signals
from lazymmu.shell.terminal import Modes, Terminal
from lazymmu.support.errors import GuestError, UsageError

from tests.unit.guests.test_agent import Peer


class Far(Peer):
    """The far end of a session."""

    def failure(self, what: str) -> GuestError:
        return GuestError(f"{self.name}: {what}")


@pytest.fixture
def peer() -> Iterator[Far]:
    near, far = socket.socketpair()
    with near, far:
        yield Far(near, far)


def session(peer: Far, window: Window | None = None) -> RemoteCommand:
    begun = RemoteCommand(AgentConnection(cast("Guest", peer)), ("ls", "a b"), window)
    begun.exchange()
    return begun


def test_a_session_begins_with_its_words_and_its_window(peer: Far) -> None:
    session(peer, Window(24, 80, "xterm 256\n"))
    assert peer.far.recv(4096) == (b"session 1 7 %08x terminal 24 80 xterm256\nls\0a b\0" % zlib.crc32(b"ls\0a b\0"))


def test_frames_may_come_in_any_pieces(peer: Far) -> None:
    begun, found = session(peer), []
    for byte in b"o 3\nonee 1\n\no 2\n\xff\nx 7\ndone":
        peer.far.sendall(bytes([byte]))
        found += begun.exchange()
    assert found == [(Stream.OUT, b"one"), (Stream.ERR, b"\n"), (Stream.OUT, b"\xff\n")]
    assert begun.status == 7


@pytest.mark.parametrize("wrong", [b"z 3\n", b"o -1\n", b"o 3 \n", b"k 6,1,2,-;text\n", b"o 11111111111111111111"])
def test_what_is_no_frame_is_an_error(peer: Far, wrong: bytes) -> None:
    begun = session(peer)
    peer.far.sendall(wrong)
    with pytest.raises(GuestError, match="no frame of a session"):
        begun.exchange()


def test_a_guest_that_dies_is_an_error(peer: Far) -> None:
    begun = session(peer)
    peer.far.close()
    with pytest.raises(GuestError, match="the line was closed"):
        begun.exchange()


def test_input_goes_in_pieces_that_the_guest_takes_and_its_end_behind(peer: Far) -> None:
    begun = session(peer)
    peer.far.recv(4096)
    begun.send(b"x" * 5000)
    assert not begun.takes_input()
    begun.send(b"")
    begun.exchange()
    assert begun.takes_input()
    assert peer.far.recv(8192) == b"i 4096\n" + b"x" * 4096 + b"i 904\n" + b"x" * 904 + b"i 0\n"


def test_modes_that_a_guest_left_are_undone_and_no_others() -> None:
    modes = Modes()
    for byte in b"\x1b[?1049h\x1b[?1;25l\x1b[?2004h\x1b[?2004l\x1b[?7777h text":
        modes.note(bytes([byte]))
    assert modes.undo() == b"\x1b[0m\x1b>\x1b[?1049l\x1b[?25h"
    assert Modes().undo() == b"\x1b[0m\x1b>"


def test_a_terminal_is_given_back_as_it_was_whatever_happens() -> None:
    near, far = pty.openpty()
    try:
        before = termios.tcgetattr(far)
        terminal = Terminal(far, far)
        with pytest.raises(KeyboardInterrupt), terminal.taken():
            assert not termios.tcgetattr(far)[3] & (termios.ECHO | termios.ISIG | termios.ICANON)
            terminal.modes.note(b"\x1b[?25l")
            raise KeyboardInterrupt
        assert termios.tcgetattr(far) == before
        assert b"\x1b[?25h" in os.read(near, 100)
    finally:
        os.close(near)
        os.close(far)


@pytest.fixture
def not_ignored() -> Iterator[None]:
    """Let SIGHUP do what it does: nohup, under which these tests may run, has it ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("not_ignored")
def test_signals_come_as_bytes_and_a_second_that_ends_interrupts_whatever_is_under_way() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals.caught() as arriving:
        os.kill(os.getpid(), signal.SIGWINCH)
        os.kill(os.getpid(), signal.SIGTERM)
        assert arriving.recv(10) == bytes([signal.SIGWINCH, signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGWINCH)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) is before


def test_files_of_a_user_are_looked_at_before_a_guest_starts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_text(name)
    (push,) = files.pushes([str(tmp_path / "a" / "same")])
    assert (str(push.path), push.content) == (f"{files.HOME}/same", b"a")
    with pytest.raises(UsageError, match="two files would land as `same`"):
        files.pushes([str(tmp_path / name / "same") for name in ("a", "b")])
    with pytest.raises(UsageError, match="Is a directory"):
        files.pushes([str(tmp_path / "a")])
    with pytest.raises(UsageError, match="No such file"):
        files.pushes([str(tmp_path / "c")])
    (tmp_path / "line\nbreak").write_text("")
    with pytest.raises(UsageError, match="a name like this"):
        files.pushes([str(tmp_path / "line\nbreak")])


def test_a_file_of_the_guest_never_replaces_one_of_the_user(tmp_path: Path) -> None:
    (pull,) = files.pulls(["dir/name"], tmp_path)
    assert (str(pull.path), pull.target) == (f"{files.HOME}/dir/name", tmp_path / "name")
    (pull,) = files.pulls(["/proc/version"], tmp_path)
    assert (str(pull.path), pull.target) == ("/proc/version", tmp_path / "version")
    (tmp_path / "version").symlink_to("nowhere")
    with pytest.raises(UsageError, match="`version` is here already"):
        files.pulls(["/proc/version"], tmp_path)
    with pytest.raises(UsageError, match="two files would land as `x`"):
        files.pulls(["a/x", "b/x"], tmp_path)
