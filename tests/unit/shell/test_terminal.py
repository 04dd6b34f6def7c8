# SPDX-License-Identifier: GPL-2.0-only
"""The user's terminal is restored whatever the guest did, and signals never interrupt half of something."""

import os
import pty
import signal
import termios
from collections.abc import Iterator

import pytest
from lazymmu.shell.bridge import caught_signals
from lazymmu.shell.terminal import Modes, Terminal


def test_only_the_modes_that_a_guest_left_changed_are_restored() -> None:
    modes = Modes()
    for byte in b"\x1b[?1049h\x1b[?1;25l\x1b[?2004h\x1b[?2004l\x1b[?7777h text":
        modes.note(bytes([byte]))
    assert modes.restore() == b"\x1b[0m\x1b>\x1b[?1049l\x1b[?25h"
    assert Modes().restore() == b"\x1b[0m\x1b>"


def test_a_terminal_is_restored_after_an_interrupt() -> None:
    near, far = pty.openpty()
    try:
        before = termios.tcgetattr(far)
        terminal = Terminal(far, far)
        with pytest.raises(KeyboardInterrupt), terminal.raw():
            assert not termios.tcgetattr(far)[3] & (termios.ECHO | termios.ISIG | termios.ICANON)
            terminal.modes.note(b"\x1b[?25l")
            raise KeyboardInterrupt
        assert termios.tcgetattr(far) == before
        assert b"\x1b[?25h" in os.read(near, 100)
    finally:
        os.close(near)
        os.close(far)


@pytest.fixture
def hangup_not_ignored() -> Iterator[None]:
    """Restore the default action of SIGHUP, which these tests ignore if they run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup_not_ignored")
def test_signals_are_bytes_of_a_socket_and_only_the_second_that_ends_a_session_interrupts() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with caught_signals() as arriving:
        os.kill(os.getpid(), signal.SIGWINCH)
        os.kill(os.getpid(), signal.SIGTERM)
        assert arriving.recv(10) == bytes([signal.SIGWINCH, signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGWINCH)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) is before
