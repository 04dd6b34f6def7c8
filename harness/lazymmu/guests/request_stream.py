# SPDX-License-Identifier: GPL-2.0-only
"""Requests to an agent over a stream of bytes, and its answers (docs/protocol.md, section 3).

The answer to a request is either whole (length, checksum, record count and the log's own sequence numbers agree) or
an error; a piece of one is never given to anybody.
"""

from __future__ import annotations

import re
import select
import socket
import time
import zlib
from collections import deque
from contextlib import suppress
from typing import cast

from lazymmu.guests.qemu import Guest
from lazymmu.guests.watchdog import BOOT_SILENCE, SILENCE, Watchdog
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError, GuestHung, HostStarved

_HELLO = re.compile(rb"hello lazymmu-agent 1 (\S+) (\S+)\n")
_RECORD = re.compile(rb"k (\d+),(\d+),\d+,[^;\n]*;(.*)", re.DOTALL)
# One number has one form: a changed byte is a wrong one.
_NUMBER = rb"(0|[1-9][0-9]{0,9})"
_AT = re.compile(rb"at " + _NUMBER)
_FILE = re.compile(rb"file " + _NUMBER + rb" ([0-9a-f]{8})")
_DONE = re.compile(rb"done " + _NUMBER + rb" " + _NUMBER + rb" " + _NUMBER + rb" ([0-9a-f]{8})")
# How /dev/kmsg writes an end of line within a record (Linux: kernel/printk/printk.c, msg_add_ext_text).
_NEWLINE = r"\x0a"
# Longer than any record that the agent reads (8 KB), or file that anybody asks for.
_LONGEST_LINE = 16_384
_LARGEST_FILE = 64_000_000
_CHUNK = 65536
# The low bits of a record's priority are its level (Linux: include/linux/kern_levels.h).
_LEVEL = 7
# Of the module, and of the agent before each program.
_OWN = ("lazymmu: ", "lazymmu-agent: run ")
# Requests whose payload a person can read in the journal.
_READABLE = ("run", "read")
# The agent tells its progress twice a second.
_AGENT_GONE = 2.0


class RequestStream:
    """The harness's end of the line to one guest's agent.

    Requests may be sent ahead with `send`; `answer` gives their answers in the same order. `scale` multiplies how long
    the guest may show no sign of life before it counts as hanging.
    """

    def __init__(self, guest: Guest, scale: float = 1.0, channel: socket.socket | None = None) -> None:
        #: How many steps of the present program the guest had begun when it last told.
        self.steps_begun = 0
        #: What `uname -r` says in the guest; empty before the agent was heard.
        self.release = ""
        self.guest = guest
        #: Where the agent is reached: the guest's virtio-serial port, if not another stream.
        self.channel = guest.channel if channel is None else channel
        self.scale = scale
        self._received = bytearray()
        self._sending = bytearray()
        self._requests = 0
        #: Number and verb of each request that waits for its answer.
        self._due: deque[tuple[int, str]] = deque()
        self._next_record: int | None = None
        self._began = self._heard_at = time.monotonic()
        self._poll = select.poll()
        self.channel.setblocking(False)

    def handshake(self, deadline: Deadline, silence: float = BOOT_SILENCE) -> str:
        """Wait until the agent of a guest that boots is ready; return the guest's kernel release (as uname -r).

        `silence` is how long the kernel may say nothing, in seconds of the guest's own time.
        """
        # A guest that is restored does without.
        import pexpect  # noqa: PLC0415
        from pexpect.fdpexpect import fdspawn  # noqa: PLC0415

        console = self.guest.console
        patience = Watchdog(
            self.guest.process, deadline, scale=self.scale, silence=silence, signs=lambda: console.received
        )
        spawn = fdspawn(self.channel, timeout=None)
        spawn.delayafterread = None
        try:
            while spawn.expect([_HELLO, pexpect.TIMEOUT], timeout=patience.until_look()):
                self._look(patience, "waiting for the agent's first sign")
        except (pexpect.EOF, OSError):
            raise self._closed() from None
        # pexpect's types are those of its text mode; this line is bytes.
        self._received += cast("bytes", spawn.buffer)
        self.guest.channel_log.add("<", cast("bytes", spawn.before) + cast("bytes", spawn.after) + self._received)
        self.release = cast("re.Match[bytes]", spawn.match)[1].decode()
        return self.release

    def expect_hello(self, deadline: Deadline, silence: float = SILENCE) -> None:
        """Wait for the first line of an agent that was just started, which is its hello."""
        patience = Watchdog(self.guest.process, deadline, scale=self.scale, silence=silence)
        try:
            line = self._line(patience)
        except OSError:
            raise self._closed() from None
        hello = _HELLO.fullmatch(line + b"\n")
        if hello is None:
            raise self._broken(f"an agent that begins with {line[:200]!r}")
        self.release = hello[1].decode()

    def send(self, verb: str, payload: bytes, arguments: str = "") -> int:
        """Send a request and return its number; what the line does not take now goes out in `answer`."""
        if not self._due:
            if self._received:
                raise self._broken(
                    f"{len(self._received)} bytes that nobody asked for: {bytes(self._received[:100])!r}"
                )
            self.steps_begun = 0
        self._requests += 1
        self._due.append((self._requests, verb))
        head = f"{verb} {self._requests} {len(payload)} {zlib.crc32(payload):08x} {arguments}".rstrip().encode() + b"\n"
        self.guest.channel_log.add(">", head + payload if verb in _READABLE else head)
        self._sending += head + payload
        # A line that is closed is told by the next answer.
        with suppress(OSError):
            self._push()
        return self._requests

    def reply(self, deadline: Deadline, *, silence: float = SILENCE) -> AgentReply:
        """Return the answer to the first request that has none yet.

        `silence` is how long the guest may give no sign that it gets on, in seconds of its own time.
        """
        request, verb = self._due.popleft()
        self.steps_begun = 0
        # Only the agent's word counts from here on: a kernel that complains of a stall is talking, too.
        patience = Watchdog(self.guest.process, deadline, scale=self.scale, silence=silence)
        self._began = time.monotonic()
        try:
            answer = self._answer(request, verb, patience)
        except OSError:
            raise self._closed() from None
        if (answer.content is not None) != (verb == "read" and answer.status == 0):
            raise self._broken(f"a {verb} answered {'without' if answer.content is None else 'with'} a file")
        return answer

    def release_channel(self) -> bytearray:
        """Return what was not sent yet: the channel is another's from here to `reclaim_channel`."""
        sending, self._sending = self._sending, bytearray()
        # What the kernel says until then is not forwarded.
        self._next_record = None
        return sending

    def reclaim_channel(self, sending: bytearray, received: bytearray) -> None:
        """Use the channel again, with what was not sent yet, and what came and is not the other's."""
        self._sending, self._received = sending, received

    def _look(self, patience: Watchdog, what: str) -> None:
        """Raise the error for a guest for which there is nothing left to wait."""
        why = patience.look()
        if why is not None:
            kind: type[GuestError] = GuestHung
            # A guest that is silent in its own time is not the host's fault, however busy it is.
            if patience.deadline.remaining() == 0.0:
                kind = HostStarved if patience.starved() else GuestError
            answers = self._heard_at > self._began and time.monotonic() - self._heard_at < _AGENT_GONE
            raise self._hang(f"{why}, {what}", agent_answers=answers, kind=kind)

    def _hang(self, what: str, *, agent_answers: bool, kind: type[GuestError]) -> GuestError:
        """Return the error for an agent that is silent, or a program that does not get on."""
        return self.guest.hang(what, agent_answers=agent_answers, kind=kind)

    def _closed(self) -> GuestError:
        """Return the error for a line that was closed."""
        return self.guest.death()

    def _push(self) -> bool:
        """Send what the line takes without waiting; return whether it took anything."""
        sent = 0
        with suppress(BlockingIOError):
            while self._sending:
                count = self.channel.send(self._sending)
                sent += count
                del self._sending[:count]
        return sent > 0

    def _answer(self, request: int, verb: str, patience: Watchdog) -> AgentReply:
        checksum = received = 0
        content = None
        records: list[str] = []
        foreign: list[tuple[int, str]] = []
        while True:
            line = self._line(patience)
            record = _RECORD.fullmatch(line)
            if record is not None:
                patience.heard()
                checksum = zlib.crc32(line + b"\n", checksum)
                self._in_sequence(int(record[2]))
                received += 1
                # A record may hold several lines; the kernel escapes what ends them.
                texts = record[3].decode("ascii", errors="replace").split(_NEWLINE)
                records += texts
                if not texts[0].startswith(_OWN):
                    foreign += [(int(record[1]) & _LEVEL, text) for text in texts]
                continue
            at = _AT.fullmatch(line)
            if at is not None:
                self._progress(int(at[1]), patience)
                continue
            file = _FILE.fullmatch(line)
            if file is not None and content is None:
                content = self._content(int(file[1]), int(file[2], 16), patience)
                continue
            hello = _HELLO.fullmatch(line + b"\n") if verb == "wake" else None
            if hello is not None:
                self.release = hello[1].decode()
                continue
            done = _DONE.fullmatch(line)
            if done is None:
                raise self._broken(f"a line that is neither record nor end: {line[:200]!r}")
            number, status, count, crc = int(done[1]), int(done[2]), int(done[3]), int(done[4], 16)
            if number != request:
                raise self._broken(f"the answer to request {number}, waiting for that to {request}")
            if count != received or crc != checksum:
                raise self._broken(f"{received} records with checksum {checksum:08x}, sent {count} with {crc:08x}")
            return AgentReply(status=status, records=tuple(records), foreign=tuple(foreign), content=content)

    def _progress(self, steps_begun: int, patience: Watchdog) -> None:
        if steps_begun != self.steps_begun:
            self.steps_begun = steps_begun
            patience.heard()
        else:
            self._look(patience, "its program does not get on")

    def _content(self, length: int, crc: int, patience: Watchdog) -> bytes:
        if length > _LARGEST_FILE:
            raise self._broken(f"a file of {length} bytes")
        while len(self._received) < length:
            self._receive(patience)
            patience.heard()
        content = bytes(self._received[:length])
        del self._received[:length]
        if zlib.crc32(content) != crc:
            raise self._broken("a file with a wrong checksum")
        return content

    def _in_sequence(self, number: int) -> None:
        if self._next_record not in (None, number):
            raise self._broken(f"log record {number} where {self._next_record} was due: the kernel's log has a gap")
        self._next_record = number + 1

    def _line(self, patience: Watchdog) -> bytes:
        """Return the next line without its newline."""
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > _LONGEST_LINE:
                raise self._broken(f"a line without an end: {bytes(self._received[:100])!r}")
            self._receive(patience)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _receive(self, patience: Watchdog) -> None:
        """Add what the guest sends next; meanwhile requests that wait go out."""
        channel = self.channel
        while True:
            self._poll.register(channel, select.POLLIN | (select.POLLOUT if self._sending else 0))
            ready = self._poll.poll(patience.until_look() * 1000)
            if not ready:
                self._look(patience, "not taking the request" if self._sending else "no whole answer")
                continue
            # What came before the line was closed is still there to be read.
            with suppress(OSError):
                if ready[0][1] & ~select.POLLIN and self._sending and self._push():
                    patience.heard()
            try:
                data = channel.recv(_CHUNK)
            except BlockingIOError:
                continue
            if not data:
                raise self._closed()
            self._heard_at = time.monotonic()
            self.guest.channel_log.add("<", data)
            self._received += data
            # A guest that never stops talking is none that answers.
            if patience.deadline.remaining() == 0.0:
                self._look(patience, "no whole answer")
            return

    def _broken(self, what: str) -> GuestError:
        return GuestError(f"{self.guest.name}: the report is not whole: {what}", details=self.guest.details())
