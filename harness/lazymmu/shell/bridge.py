# SPDX-License-Identifier: GPL-2.0-only
"""Carries input, output, window size and signals between the user and a command in a guest."""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType

from lazymmu.guests.remote_command import RemoteCommand, Stream
from lazymmu.shell.terminal import Terminal
from lazymmu.support.deadline import Deadline
from lazymmu.support.interrupts import handled

#: The key that ends a guest from outside, as in telnet: Ctrl-].
LEAVE = b"\x1d"
# Bytes to read at once, and bytes of output that may wait for a slow reader.
_PIECE = 4096
_WAITING = 65_536
# Time for the reader to take what a guest wrote before it died (seconds).
_LAST_OUTPUT = 1.0
# Signals that end a session, and those after which the terminal has a new size, or another program's modes.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_OF_TERMINAL = (signal.SIGWINCH, signal.SIGCONT)
_CLOSED = select.POLLHUP | select.POLLERR | select.POLLNVAL


@contextmanager
def caught_signals() -> Iterator[socket.socket]:
    """Yield a socket that receives each signal's number as a byte, so that none interrupts half of an operation.

    The second signal that ends a session raises KeyboardInterrupt, in case nobody reads the socket.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number in _ENDING:
            received.append(number)
            if len(received) > 1:
                raise KeyboardInterrupt

    reading, writing = socket.socketpair()
    reading.setblocking(False)
    with reading, writing, handled((*_ENDING, *_OF_TERMINAL), note, writing):
        yield reading


class Bridge:
    """Carries one command. `terminal` is None unless both standard input and output are a terminal."""

    def __init__(self, command: RemoteCommand, terminal: Terminal | None) -> None:
        self._command = command
        self._terminal = terminal
        #: The descriptor of standard input, None once it is closed.
        self._stdin = None if sys.stdin is None else sys.stdin.fileno()
        self._targets = {Stream.OUT: sys.stdout.fileno(), Stream.ERR: sys.stderr.fileno()}
        self._waiting = {stream: bytearray() for stream in Stream}
        if self._stdin is None:
            command.send(b"")

    def run(self) -> int:
        """Return the command's exit status, once it has exited and all output is written.

        Raises GuestError if the guest dies, KeyboardInterrupt if the user ends it, BrokenPipeError if nobody reads the
        output. The command may still run then.
        """
        with caught_signals() as arriving, self._terminal.raw() if self._terminal else nullcontext():
            try:
                while self._command.status is None or any(self._waiting.values()):
                    self._turn(arriving)
            except BaseException:
                self._write_last_output()
                raise
        self._command.close()
        return self._command.status

    def _turn(self, arriving: socket.socket) -> None:
        """Wait until something can be done, and do it."""
        command, poll = self._command, select.poll()
        poll.register(arriving, select.POLLIN)
        if command.status is None:
            full = any(len(data) > _WAITING for data in self._waiting.values())
            poll.register(command.fileno(), command.wants() & (~select.POLLIN if full else ~0))
            if self._stdin is not None and command.takes_input():
                poll.register(self._stdin, select.POLLIN)
        for stream, waiting in self._waiting.items():
            if waiting:
                poll.register(self._targets[stream], select.POLLOUT)
        ready = dict(poll.poll())
        if ready.get(arriving.fileno()):
            self._heed_signals(arriving.recv(_PIECE))
        if self._stdin is not None and ready.get(self._stdin):
            self._read(self._stdin)
        if ready.get(command.fileno()) and command.status is None:
            for stream, data in command.exchange():
                self._waiting[stream] += data
                if self._terminal:
                    self._terminal.modes.note(data)
        for stream, target in self._targets.items():
            if ready.get(target, 0) & (select.POLLOUT | _CLOSED):
                self._write(stream)

    def _heed_signals(self, numbers: bytes) -> None:
        if any(number in _ENDING for number in numbers):
            raise KeyboardInterrupt
        if self._terminal:
            # While the harness was stopped, another program used the terminal.
            self._terminal.make_raw()
            self._command.resize(self._terminal.window())

    def _read(self, stdin: int) -> None:
        try:
            data = os.read(stdin, _PIECE)
        except OSError:
            data = b""
        if self._terminal and (not data or LEAVE in data):
            raise KeyboardInterrupt
        self._command.send(data)
        if not data:
            self._stdin = None

    def _write(self, stream: Stream) -> None:
        data = self._waiting[stream]
        # A pipe that is ready takes so much without waiting; a terminal may take less.
        with suppress(BlockingIOError):
            del data[: os.write(self._targets[stream], data[: select.PIPE_BUF])]

    def _write_last_output(self) -> None:
        """Write what the command wrote before its guest died, unless nobody reads it."""
        deadline = Deadline.after(_LAST_OUTPUT)
        for stream, target in self._targets.items():
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            with suppress(OSError):
                while self._waiting[stream] and poll.poll(deadline.remaining() * 1000):
                    self._write(stream)
