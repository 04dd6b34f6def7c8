# SPDX-License-Identifier: GPL-2.0-only
"""Between the user and a command in a guest: input one way, output the other, window size and signals beside."""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import nullcontext, suppress

from lazymmu.guests.remote_command import Session, Stream
from lazymmu.shell import signals
from lazymmu.shell.terminal import Terminal
from lazymmu.support.deadline import Deadline

#: The key that ends a guest from outside (as in telnet): Ctrl-].
LEAVE = b"\x1d"
# What is read at once, and how much output may wait for whoever reads it (bytes).
_PIECE = 4096
_WAITING = 65_536
# So long whoever reads gets what a guest wrote before it died (seconds).
_LAST_WORDS = 1.0
_ENDED = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Bridge:
    """Carries one session; `terminal` is None where standard input or output is none."""

    def __init__(self, session: Session, terminal: Terminal | None) -> None:
        self._session = session
        self._terminal = terminal
        #: None once it has ended, or where none was given.
        self._stdin = None if sys.stdin is None else sys.stdin.fileno()
        self._targets = {Stream.OUT: sys.stdout.fileno(), Stream.ERR: sys.stderr.fileno()}
        self._waiting = {stream: bytearray() for stream in Stream}
        if self._stdin is None:
            session.send(b"")

    def carry(self) -> int:
        """Return the exit status of the command once it has ended and all is written.

        Raises GuestError when the guest dies, KeyboardInterrupt when the user ends it, BrokenPipeError when
        nobody reads any more: the session is not at its end then.
        """
        with signals.caught() as arriving, self._terminal.taken() if self._terminal else nullcontext():
            try:
                while self._session.status is None or any(self._waiting.values()):
                    self._turn(arriving)
            except BaseException:
                self._last_words()
                raise
        self._session.close()
        return self._session.status

    def _turn(self, arriving: socket.socket) -> None:
        """Wait until something can be done, and do it."""
        session, poll = self._session, select.poll()
        poll.register(arriving, select.POLLIN)
        if session.status is None:
            full = any(len(data) > _WAITING for data in self._waiting.values())
            poll.register(session.fileno(), session.wants() & (~select.POLLIN if full else ~0))
            if self._stdin is not None and session.takes_input():
                poll.register(self._stdin, select.POLLIN)
        for stream, waiting in self._waiting.items():
            if waiting:
                poll.register(self._targets[stream], select.POLLOUT)
        ready = dict(poll.poll())
        if ready.get(arriving.fileno()):
            self._heed(arriving.recv(_PIECE))
        if self._stdin is not None and ready.get(self._stdin):
            self._read(self._stdin)
        if ready.get(session.fileno()) and session.status is None:
            for stream, data in session.exchange():
                self._waiting[stream] += data
                if self._terminal:
                    self._terminal.modes.note(data)
        for stream, target in self._targets.items():
            if ready.get(target, 0) & (select.POLLOUT | _ENDED):
                self._write(stream)

    def _heed(self, numbers: bytes) -> None:
        if any(number in signals.ENDING for number in numbers):
            raise KeyboardInterrupt
        if self._terminal:
            # Whoever stopped us had the terminal meanwhile.
            self._terminal.take()
            self._session.resize(self._terminal.window())

    def _read(self, stdin: int) -> None:
        try:
            data = os.read(stdin, _PIECE)
        except OSError:
            data = b""
        if self._terminal and (not data or LEAVE in data):
            raise KeyboardInterrupt
        self._session.send(data)
        if not data:
            self._stdin = None

    def _write(self, stream: Stream) -> None:
        data = self._waiting[stream]
        # As much as a pipe that is ready takes without waiting; a terminal may take less.
        with suppress(BlockingIOError):
            del data[: os.write(self._targets[stream], data[: select.PIPE_BUF])]

    def _last_words(self) -> None:
        """Write what the command wrote before its guest died, as far as somebody reads."""
        deadline = Deadline.after(_LAST_WORDS)
        for stream, target in self._targets.items():
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            with suppress(OSError):
                while self._waiting[stream] and poll.poll(deadline.remaining() * 1000):
                    self._write(stream)
