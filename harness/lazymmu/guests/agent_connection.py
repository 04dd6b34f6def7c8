# SPDX-License-Identifier: GPL-2.0-only
"""Requests to a guest's agent over a stream of bytes, and its replies (docs/protocol.md, section 3).

A reply is complete, or an error: its length, checksum, number of records and the log's own sequence numbers must agree.
Nobody ever gets part of one.
"""

from __future__ import annotations

import os
import re
import select
import socket
import time
import zlib
from collections import deque
from contextlib import suppress
from typing import cast

from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import Severity
from lazymmu.guests.qemu import Guest
from lazymmu.guests.watchdog import BOOT_SILENCE, SILENCE, Watchdog
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError, GuestHung, HostStarved

_HELLO = re.compile(rb"hello lazymmu-agent 1 (\S+) (\S+)\n")
_RECORD = re.compile(rb"k (\d+),(\d+),\d+,[^;\n]*;(.*)", re.DOTALL)
# Each number has one form, so a changed byte is always noticed.
_NUMBER = rb"(0|[1-9][0-9]{0,9})"
_PROGRESS = re.compile(rb"at " + _NUMBER)
_FILE = re.compile(rb"file " + _NUMBER + rb" ([0-9a-f]{8})")
_DONE = re.compile(rb"done " + _NUMBER + rb" " + _NUMBER + rb" " + _NUMBER + rb" ([0-9a-f]{8})")
# A newline within a record of /dev/kmsg (Linux: kernel/printk/printk.c, msg_add_ext_text).
_NEWLINE = r"\x0a"
# Longer than any record that the agent reads (8 KB), and than any file that is read from a guest.
_LONGEST_LINE = 16_384
_LARGEST_FILE = 64_000_000
_CHUNK = 65536
# The low bits of a record's priority are its level (Linux: include/linux/kern_levels.h).
_LEVEL = 7
# Beginnings of the module's records, and of the agent's before each program.
_OWN = ("lazymmu: ", "lazymmu-agent: run ")
# Requests whose payload is text, which the channel log shows.
_READABLE = ("run", "read")
# The agent reports progress twice a second. After this many seconds without a report, it counts as silent.
_AGENT_SILENT = 2.0
# The agent writes it to the kernel's log before each program (guest/agent/requests.c), so the console shows it at once.
_BEGUN = re.compile(r"lazymmu-agent: run ([0-9]+)\b")
# The module writes it when the kernel dies (guest/module/run.c).
_PANIC = re.compile(r"lazymmu: panic with ([0-9]+) steps begun")
_TAINTED = "/proc/sys/kernel/tainted"
# A machine check, a bad page, an oops, a WARN(), a soft lockup (Linux: Documentation/admin-guide/tainted-kernels.rst).
_WARNED = 1 << 9
_TROUBLE = 1 << 4 | 1 << 5 | 1 << 7 | _WARNED | 1 << 14
# Worse than a warning (Linux: include/linux/kern_levels.h). A WARN() has the level of a harmless note, so the findings
# have to recognise its text.
_KERN_ERR = 3


def complaint(reply: AgentReply, *, warnings_allowed: bool = False, errors_allowed: bool = False) -> str | None:
    """Return what the kernel complained of, None if it did not.

    `warnings_allowed` ignores WARN()s, `errors_allowed` messages that are only known by their level.
    """
    if not reply.foreign:
        return None
    complaints = [
        finding.title
        for finding in findings_in("\n".join(text for _, text in reply.foreign))
        if not (warnings_allowed and finding.severity is Severity.WARNING)
    ]
    complaints += [text for level, text in reply.foreign if level <= _KERN_ERR and not errors_allowed]
    return f"the guest's kernel complained: {complaints[0]}" if complaints else None


class AgentConnection:
    """A connection to the agent in one guest. All requests raise GuestError; replies come in their order.

    `send` sends requests, any number before `reply` waits for the first one. A request that can be sent early has two
    halves: `send` or `send_...`, and `await_...` for its reply. `scale` multiplies how long the guest may be silent.
    """

    def __init__(self, guest: Guest, scale: float = 1.0, channel: socket.socket | None = None) -> None:
        #: How many steps of the current program the guest had begun at its last report of progress.
        self.steps_begun = 0
        #: The guest's `uname -r`; empty before the agent says it.
        self.release = ""
        self.guest = guest
        #: The stream; the guest's virtio-serial port unless another one is given.
        self.channel = guest.channel if channel is None else channel
        self.scale = scale
        self._received = bytearray()
        self._unsent = bytearray()
        #: Whether a guest that has died and waits to restart is stopped there, in place of ended.
        self.keeps_dead = False
        self._requests = 0
        #: Number and verb of each request that waits for its reply.
        self._pending: deque[tuple[int, str]] = deque()
        self._next_record: int | None = None
        self._began = self._heard_at = time.monotonic()
        self._poll = select.poll()
        self.channel.setblocking(False)

    def handshake(self, deadline: Deadline, silence: float = BOOT_SILENCE) -> None:
        """Wait until the agent of a guest that boots says hello, and the kernel's release.

        `silence` is how long the console may be silent, in seconds of the guest's own time.
        """
        # A restored guest does not need it.
        import pexpect
        from pexpect.fdpexpect import fdspawn

        console = self.guest.console
        printed = console.received
        watchdog = Watchdog(self.guest.process, deadline, scale=self.scale, silence=silence)
        spawn = fdspawn(self.channel, timeout=None)
        spawn.delayafterread = None
        try:
            while spawn.expect([_HELLO, pexpect.TIMEOUT], timeout=watchdog.until_look()):
                if console.received != printed:
                    printed = console.received
                    watchdog.heard()
                self._look(watchdog, "waiting for the agent's first sign")
        except (pexpect.EOF, OSError):
            raise self._closed() from None
        # pexpect's types are those of its text mode; this stream is bytes.
        self._received += cast("bytes", spawn.buffer)
        self.guest.channel_log.add("<", cast("bytes", spawn.before) + cast("bytes", spawn.after) + self._received)
        self.release = cast("re.Match[bytes]", spawn.match)[1].decode()

    def expect_hello(self, first_record: int, deadline: Deadline, silence: float) -> None:
        """Wait for the first line of an agent that was just started, which is its hello.

        The agent will forward the kernel's log from `first_record` on.
        """
        try:
            line = self._line(Watchdog(self.guest.process, deadline, scale=self.scale, silence=silence))
        except OSError:
            raise self._closed() from None
        if (hello := _HELLO.fullmatch(line + b"\n")) is None:
            raise self._broken(f"the agent begins with {line[:200]!r}")
        self.release, self._next_record = hello[1].decode(), first_record

    def send(self, verb: str, payload: bytes, arguments: str = "") -> int:
        """Send a request and return its number. `reply` sends what the stream does not take now."""
        if not self._pending:
            if self._received:
                count, begin = len(self._received), bytes(self._received[:100])
                raise self._broken(f"{count} bytes that nobody asked for: {begin!r}")
            self.steps_begun = 0
        self._requests += 1
        self._pending.append((self._requests, verb))
        head = f"{verb} {self._requests} {len(payload)} {zlib.crc32(payload):08x} {arguments}".rstrip().encode() + b"\n"
        self.guest.channel_log.add(">", head + payload if verb in _READABLE else head)
        self._unsent += head + payload
        # `reply` will report a stream that is closed.
        with suppress(OSError):
            self._push()
        return self._requests

    def expect(self, request: int) -> None:
        """Expect the reply to a program that another connection sent, as that with this number."""
        self._requests = request
        self._pending.append((request, "run"))

    def reply(self, deadline: Deadline, *, silence: float = SILENCE) -> AgentReply:
        """Return the reply to the first request that has none yet. Raises GuestError.

        `silence` is how long the guest may show no progress, in seconds of its own time.
        """
        request, verb = self._pending.popleft()
        self.steps_begun = 0
        # From here on, only what the agent says counts: a kernel that complains of a stall prints something, too.
        watchdog = Watchdog(self.guest.process, deadline, scale=self.scale, silence=silence)
        self._began = time.monotonic()
        try:
            reply = self._reply(request, verb, watchdog)
        except OSError:
            raise self._closed() from None
        if (reply.content is not None) != (verb == "read" and reply.status == 0):
            raise self._broken(f"the reply to a {verb} came {'without' if reply.content is None else 'with'} a file")
        return reply

    def release_channel(self) -> bytearray:
        """Let somebody else use the channel until `reclaim_channel`; return what was not sent yet."""
        unsent, self._unsent = self._unsent, bytearray()
        # The agent does not forward what the kernel says meanwhile.
        self._next_record = None
        return unsent

    def reclaim_channel(self, unsent: bytearray, received: bytearray) -> None:
        """Use the channel again, with what the other user did not send, and received without using it."""
        self._unsent, self._received = unsent, received

    def run(self, program: str, deadline: Deadline) -> AgentReply:
        """Run a program in the module; return the reply."""
        self.send("run", program.encode("ascii"))
        return self.reply(deadline)

    def await_ssh_server(self, deadline: Deadline) -> int:
        """Wait for the reply to `listen`; return the number of the next record in the kernel's log."""
        self.await_done("could not start its SSH server", deadline)
        if self._next_record is None:
            raise self._broken("the agent started the SSH server and did not log it")
        return self._next_record

    def read(self, path: str, deadline: Deadline) -> bytes:
        """Return the content of a file in the guest."""
        self.send("read", path.encode())
        return self.await_read(path, deadline)

    def await_read(self, path: str, deadline: Deadline) -> bytes:
        """Wait for the reply to `read`; return the file's content."""
        # The kernel needs a second or two for a long file of /proc, without any progress to report.
        return self.await_done(f"could not read {path}", deadline, BOOT_SILENCE).content or b""

    def send_file(self, path: str, content: bytes, mode: int) -> None:
        """Send a new file for the guest."""
        self.send("write", content, f"{mode:o} {path}")

    def await_file(self, path: str, deadline: Deadline) -> None:
        """Wait for the reply to `send_file`."""
        self.await_done(f"could not write {path}", deadline, BOOT_SILENCE)

    def responds(self, seconds: float) -> bool:
        """Return whether the agent sends anything within so many seconds. The connection cannot be used afterwards."""
        self.send("read", _TAINTED.encode())
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def late_complaint(self, deadline: Deadline, *, warnings_allowed: bool = False, warned: bool = False) -> str | None:
        """Return what the kernel has complained of since the last reply, None if it did not; see `complaint`.

        `warned` says that it has warned before, which taints it for good.
        """
        self.send("read", _TAINTED.encode())
        reply = self.reply(deadline)
        if reply.status:
            raise GuestError(f"{self.guest.name}: the guest could not read {_TAINTED}: {os.strerror(reply.status)}")
        late = complaint(reply, warnings_allowed=warnings_allowed)
        trouble = _TROUBLE & ~_WARNED if warnings_allowed or warned else _TROUBLE
        taint = (reply.content or b"").decode().strip()
        return f"the guest's kernel is tainted: {taint}" if late is None and int(taint) & trouble else late

    def last_begun_request(self) -> int | None:
        """Return the number of the last program that the guest began, by its console; None if it began none."""
        numbers = _BEGUN.findall(self.guest.console.text())
        return int(numbers[-1]) if numbers else None

    def steps_at_panic(self) -> int:
        """Return how many steps of its program a guest that died had begun, by its console; 0 if it does not say."""
        steps = _PANIC.findall(self.guest.console.text())
        return int(steps[-1]) if steps else 0

    def await_done(self, failure: str, deadline: Deadline, silence: float = SILENCE) -> AgentReply:
        """Return the reply to a request. If the guest refused it or its kernel complained, the error says why."""
        reply = self.reply(deadline, silence=silence)
        problem = f"the guest {failure}: {os.strerror(reply.status)}" if reply.status else complaint(reply)
        if problem is not None:
            details = "\n".join(f"    {record}" for record in reply.records)
            raise GuestError(f"{self.guest.name}: {problem}", details=details)
        return reply

    def _look(self, watchdog: Watchdog, what: str) -> None:
        """Raise the error for a guest that is not worth waiting for any longer."""
        if self.guest.is_waiting_to_restart():
            if self.keeps_dead:
                raise self._hang(what, agent_answers=False, kind=GuestHung)
            self.guest.kill()
            raise self._closed()
        reason = watchdog.look()
        if reason is not None:
            kind: type[GuestError] = GuestHung
            # A guest that is silent in its own time hangs, however busy the host is.
            if watchdog.deadline.remaining() == 0.0:
                kind = HostStarved if watchdog.host_starved() else GuestError
            answers = self._heard_at > self._began and time.monotonic() - self._heard_at < _AGENT_SILENT
            raise self._hang(f"{reason}, {what}", agent_answers=answers, kind=kind)

    def _hang(self, what: str, *, agent_answers: bool, kind: type[GuestError]) -> GuestError:
        """Return the error for an agent that is silent, or a program that makes no progress."""
        return self.guest.hang(what, agent_answers=agent_answers, kind=kind)

    def _closed(self) -> GuestError:
        return self.guest.death()

    def _push(self) -> bool:
        """Send what the stream takes without waiting; return whether that was anything."""
        before = len(self._unsent)
        with suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: self.channel.send(self._unsent)]
        return len(self._unsent) < before

    def _reply(self, request: int, verb: str, watchdog: Watchdog) -> AgentReply:
        checksum = received = 0
        content = None
        records: list[str] = []
        foreign: list[tuple[int, str]] = []
        while True:
            line = self._line(watchdog)
            if record := _RECORD.fullmatch(line):
                watchdog.heard()
                checksum = zlib.crc32(line + b"\n", checksum)
                number = int(record[2])
                if self._next_record not in (None, number):
                    raise self._broken(f"log record {number} instead of {self._next_record}: the log has a gap")
                self._next_record = number + 1
                received += 1
                texts = record[3].decode("ascii", errors="replace").split(_NEWLINE)
                records += texts
                if not texts[0].startswith(_OWN):
                    foreign += [(int(record[1]) & _LEVEL, text) for text in texts]
            elif progress := _PROGRESS.fullmatch(line):
                self._note_progress(int(progress[1]), watchdog)
            elif content is None and (file := _FILE.fullmatch(line)):
                content = self._content(int(file[1]), int(file[2], 16), watchdog)
            elif verb == "wake" and (hello := _HELLO.fullmatch(line + b"\n")):
                self.release = hello[1].decode()
            elif done := _DONE.fullmatch(line):
                number, status, count, crc = int(done[1]), int(done[2]), int(done[3]), int(done[4], 16)
                if number != request:
                    raise self._broken(f"the reply to request {number} instead of request {request}")
                if count != received or crc != checksum:
                    raise self._broken(f"{received} records with checksum {checksum:08x}, sent {count} with {crc:08x}")
                return AgentReply(status=status, records=tuple(records), foreign=tuple(foreign), content=content)
            else:
                raise self._broken(f"a line that is neither record nor end: {line[:200]!r}")

    def _note_progress(self, begun: int, watchdog: Watchdog) -> None:
        if begun != self.steps_begun:
            watchdog.heard()
        else:
            self._look(watchdog, "its program makes no progress")
        self.steps_begun = begun

    def _content(self, length: int, crc: int, watchdog: Watchdog) -> bytes:
        if length > _LARGEST_FILE:
            raise self._broken(f"a file of {length} bytes")
        while len(self._received) < length:
            self._receive(watchdog)
            watchdog.heard()
        content = bytes(self._received[:length])
        del self._received[:length]
        if zlib.crc32(content) != crc:
            raise self._broken("a file with a wrong checksum")
        return content

    def _line(self, watchdog: Watchdog) -> bytes:
        """Return the next line without its newline."""
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > _LONGEST_LINE:
                raise self._broken(f"a line without an end: {bytes(self._received[:100])!r}")
            self._receive(watchdog)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _receive(self, watchdog: Watchdog) -> None:
        """Wait for the next bytes of the guest, and send requests meanwhile."""
        while True:
            self._poll.register(self.channel, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            events = self._poll.poll(watchdog.until_look() * 1000)
            if not events:
                self._look(watchdog, "not taking the request" if self._unsent else "no complete reply")
                continue
            # Even if the stream is closed, what came before can still be read.
            with suppress(OSError):
                if events[0][1] & ~select.POLLIN and self._unsent and self._push():
                    watchdog.heard()
            try:
                data = self.channel.recv(_CHUNK)
            except BlockingIOError:
                continue
            if not data:
                raise self._closed()
            self._heard_at = time.monotonic()
            self.guest.channel_log.add("<", data)
            self._received += data
            # The deadline also ends a guest that never stops sending.
            if watchdog.deadline.remaining() == 0.0:
                self._look(watchdog, "no complete reply")
            return

    def _broken(self, what: str) -> GuestError:
        return GuestError(f"{self.guest.name}: the report is incomplete: {what}", details=self.guest.details())
