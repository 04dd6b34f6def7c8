# SPDX-License-Identifier: GPL-2.0-only
"""The serial line: requests to the agent over a virtio-serial port, and its answers (docs/protocol.md, section 3).

The answer to a request is either whole (length, checksum, record count and the log's own sequence numbers agree) or
an error; a piece of one is never given to anybody.
"""

from __future__ import annotations

import re
import zlib
from typing import cast

import pexpect
from pexpect.fdpexpect import fdspawn

from harness.core.answer import Answer
from harness.core.deadline import Deadline
from harness.core.errors import GuestError
from harness.machine.qemu import Guest

_HELLO = re.compile(rb"hello lazymmu-agent 1 (\S+) (\S+)\n")
_RECORD = re.compile(rb"k (\d+),(\d+),\d+,[^;\n]*;(.*)", re.DOTALL)
_DONE = re.compile(rb"done (\d+) (\d+) (\d+) ([0-9a-f]{8})")
_CHUNK = 65536
# The low bits of a record's priority are its level (Linux: include/linux/kern_levels.h).
_LEVEL = 7
_KERN_ERR = 3
# First line of each WARN(), whose level is that of harmless notes (Linux: include/asm-generic/bug.h).
_CUT_HERE = "------------[ cut here ]"


class SerialLine:
    """The harness's end of the line to one guest's agent."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._received = bytearray()
        self._requests = 0
        self._next_record: int | None = None

    def handshake(self, deadline: Deadline) -> str:
        """Wait until the agent is ready; return the guest's kernel release (as uname -r)."""
        spawn = fdspawn(self._guest.channel, timeout=deadline.remaining())
        spawn.delayafterread = None
        try:
            spawn.expect([_HELLO])
        except pexpect.TIMEOUT:
            raise self._guest.failure(f"no sign of the agent {deadline.budget:.0f} s after the start") from None
        except (pexpect.EOF, OSError):
            raise self._guest.failure("the line was closed") from None
        # pexpect's types are those of its text mode; this line is bytes.
        self._received += cast("bytes", spawn.buffer)
        return cast("re.Match[bytes]", spawn.match)[1].decode()

    def load(self, module: bytes, deadline: Deadline) -> None:
        """Load a module in place of the one before; GuestError gives the kernel's reason when it refuses."""
        answer = self._request("load", module, deadline)
        if answer.status:
            raise GuestError(
                f"{self._guest.name}: the guest's kernel refused the module (errno {answer.status})",
                details="\n".join(f"    {record}" for record in answer.records),
            )

    def run(self, program: str, deadline: Deadline) -> Answer:
        """Run a program for the module; return its answer."""
        return self._request("run", program.encode("ascii"), deadline)

    def _request(self, verb: str, payload: bytes, deadline: Deadline) -> Answer:
        self._requests += 1
        head = f"{verb} {self._requests} {len(payload)} {zlib.crc32(payload):08x}\n".encode()
        try:
            self._guest.channel.settimeout(deadline.remaining())
            self._guest.channel.sendall(head + payload)
            return self._answer(deadline)
        except TimeoutError:
            raise self._guest.failure(f"no whole answer within {deadline.budget:.0f} s") from None
        except OSError:
            raise self._guest.failure("the line was closed") from None

    def _answer(self, deadline: Deadline) -> Answer:
        checksum = 0
        records: list[str] = []
        alarms: list[str] = []
        while True:
            line = self._line(deadline)
            record = _RECORD.fullmatch(line)
            if record is not None:
                checksum = zlib.crc32(line + b"\n", checksum)
                self._in_sequence(int(record[2]))
                text = record[3].decode("ascii", errors="replace")
                records.append(text)
                if int(record[1]) & _LEVEL <= _KERN_ERR or text.startswith(_CUT_HERE):
                    alarms.append(text)
                continue
            done = _DONE.fullmatch(line)
            if done is None:
                raise self._broken(f"a line that is neither record nor end: {line[:200]!r}")
            number, status, count, crc = int(done[1]), int(done[2]), int(done[3]), int(done[4], 16)
            if number != self._requests:
                raise self._broken(f"the answer to request {number}, waiting for that to {self._requests}")
            if count != len(records) or crc != checksum:
                raise self._broken(f"{len(records)} records with checksum {checksum:08x}, sent {count} with {crc:08x}")
            if alarms:
                said = "\n".join(f"    {record}" for record in records)
                name = self._guest.name
                raise GuestError(f"{name}: the guest's kernel complained: {alarms[0]}", details=said)
            return Answer(status=status, records=tuple(records))

    def _in_sequence(self, number: int) -> None:
        if self._next_record not in (None, number):
            raise self._broken(f"log record {number} where {self._next_record} was due: the kernel's log has a gap")
        self._next_record = number + 1

    def _line(self, deadline: Deadline) -> bytes:
        """Return the next line without its newline."""
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            remaining = deadline.remaining()
            if remaining == 0.0:
                raise TimeoutError
            self._guest.channel.settimeout(remaining)
            data = self._guest.channel.recv(_CHUNK)
            if not data:
                raise self._guest.failure("the line was closed")
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _broken(self, what: str) -> GuestError:
        return GuestError(f"{self._guest.name}: the report is not whole: {what}", details=self._guest.details())
