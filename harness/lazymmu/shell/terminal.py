# SPDX-License-Identifier: GPL-2.0-only
"""The user's terminal: raw while a guest uses it, and restored completely however the guest ends."""

import os
import re
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lazymmu.guests.remote_command import Window

_MODE = re.compile(rb"\x1b\[\?([0-9;]{1,32})([hl])")
# Longer than any sequence that sets modes, which may arrive in two pieces.
_TAIL = 48
# The usual state of modes that programs change (xterm's ctlseqs, "DEC Private Mode Set"): alternate screen, mouse
# reports, bracketed paste and application cursor keys are off, the cursor is on.
_USUAL = {
    **dict.fromkeys((b"1", b"9", b"47", b"1000", b"1002", b"1003", b"1005", b"1006", b"1047", b"1049", b"2004"), b"l"),
    b"25": b"h",
}
# Colours and application keypad off.
_PLAIN = b"\x1b[0m\x1b>"


class Modes:
    """The terminal modes that a guest's output has changed."""

    def __init__(self) -> None:
        self._changed: dict[bytes, None] = {}
        self._tail = b""

    def note(self, data: bytes) -> None:
        """Read output on its way to the terminal."""
        data = self._tail + data
        for sequence in _MODE.finditer(data):
            for mode in sequence[1].split(b";"):
                if _USUAL.get(mode, sequence[2]) == sequence[2]:
                    self._changed.pop(mode, None)
                else:
                    self._changed[mode] = None
        self._tail = data[-_TAIL:]

    def restore(self) -> bytes:
        """Return the output that restores them."""
        return _PLAIN + b"".join(b"\x1b[?%b%b" % (mode, _USUAL[mode]) for mode in self._changed)


class Terminal:
    """A terminal, given by the descriptors of its input and output."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._before = termios.tcgetattr(source)
        self.modes = Modes()

    def window(self) -> Window:
        """Return its present size and its kind."""
        size = os.get_terminal_size(self._target)
        return Window(size.lines, size.columns, os.environ.get("TERM", "dumb"))

    def make_raw(self) -> None:
        """Let every key reach the guest, whose own terminal interprets it."""
        tty.setraw(self._source, termios.TCSANOW)

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Make it raw for the length of a `with`. After an error, restore the guest's modes, too."""
        try:
            self.make_raw()
            yield
        except BaseException:
            with suppress(OSError):
                os.write(self._target, self.modes.restore() + b"\r\n")
            raise
        finally:
            # After a hang-up the terminal is gone.
            with suppress(termios.error):
                termios.tcsetattr(self._source, termios.TCSANOW, self._before)
