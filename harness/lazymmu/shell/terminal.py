# SPDX-License-Identifier: GPL-2.0-only
"""The user's terminal while a guest has it: raw, and given back whole, however the guest ends."""

from __future__ import annotations

import os
import re
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lazymmu.guests.remote_command import Window

_MODE = re.compile(rb"\x1b\[\?([0-9;]{1,32})([hl])")
# Longer than any sequence that sets modes: it may come in two pieces.
_TAIL = 48
# Modes that a program in the guest may have changed (xterm's ctlseqs, "DEC Private Mode Set"), and how they are before:
# the other screen, mouse reports, pasting in brackets, application cursor keys; the cursor is there.
_BEFORE = {
    **dict.fromkeys((b"1", b"9", b"47", b"1000", b"1002", b"1003", b"1005", b"1006", b"1047", b"1049", b"2004"), b"l"),
    b"25": b"h",
}
# Colours off, the keypad as it is without a program.
_PLAIN = b"\x1b[0m\x1b>"


class Modes:
    """The modes of a terminal that a guest's output has set, so that they can be set back."""

    def __init__(self) -> None:
        self._changed: dict[bytes, None] = {}
        self._tail = b""

    def note(self, data: bytes) -> None:
        """Read what goes to the terminal."""
        data = self._tail + data
        for found in _MODE.finditer(data):
            for mode in found[1].split(b";"):
                if _BEFORE.get(mode, found[2]) == found[2]:
                    self._changed.pop(mode, None)
                else:
                    self._changed[mode] = None
        self._tail = data[-_TAIL:]

    def undo(self) -> bytes:
        """Return what sets them back."""
        return _PLAIN + b"".join(b"\x1b[?%b%b" % (mode, _BEFORE[mode]) for mode in self._changed)


class Terminal:
    """A terminal by the descriptors of its input and output, which are one's own to use for the length of a session."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._before = termios.tcgetattr(source)
        self.modes = Modes()

    def window(self) -> Window:
        """Return its size and kind now."""
        size = os.get_terminal_size(self._target)
        return Window(size.lines, size.columns, os.environ.get("TERM", "dumb"))

    def take(self) -> None:
        """Make it raw: every key goes to the guest, whose own terminal knows what it means."""
        tty.setraw(self._source, termios.TCSANOW)

    def give_back(self) -> None:
        """Make it what it was."""
        # One that is gone (a hang-up) needs nothing.
        with suppress(termios.error):
            termios.tcsetattr(self._source, termios.TCSANOW, self._before)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it raw for the length of a `with`; at an error the modes that the guest left are set back, too."""
        try:
            self.take()
            yield
        except BaseException:
            with suppress(OSError):
                os.write(self._target, self.modes.undo() + b"\r\n")
            raise
        finally:
            self.give_back()
