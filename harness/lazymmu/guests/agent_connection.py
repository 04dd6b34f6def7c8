# SPDX-License-Identifier: GPL-2.0-only
"""The requests that an agent understands, and what their replies mean."""

from __future__ import annotations

import os
import re
import select

from lazymmu.guests.complaint import complaint
from lazymmu.guests.request_stream import RequestStream
from lazymmu.guests.watchdog import BOOT_SILENCE, SILENCE
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError

# The agent writes it to the kernel's log before each program (guest/agent/requests.c), so the console shows it at once.
_BEGUN = re.compile(r"lazymmu-agent: run ([0-9]+)\b")
_TAINTED = "/proc/sys/kernel/tainted"
# A machine check, a bad page, an oops, a WARN(), a soft lockup (Linux: Documentation/admin-guide/tainted-kernels.rst).
_WARNED = 1 << 9
_TROUBLE = 1 << 4 | 1 << 5 | 1 << 7 | _WARNED | 1 << 14


class AgentConnection(RequestStream):
    """A connection to the agent in one guest. All requests raise GuestError.

    A request that can be sent early has two halves: `send` or `send_...`, and `await_...` for its reply.
    """

    def run(self, program: str, deadline: Deadline) -> AgentReply:
        """Run a program in the module; return the reply."""
        self.send("run", program.encode("ascii"))
        return self.reply(deadline)

    def load(self, module: bytes, deadline: Deadline, parameters: str = "") -> None:
        """Load a module, after unloading the one before. The error holds the kernel's reason."""
        self.send("load", module, parameters)
        self.await_load(deadline)

    def await_load(self, deadline: Deadline) -> None:
        """Wait for the reply to `load`."""
        reply = self.reply(deadline)
        if reply.status:
            raise GuestError(
                f"{self.guest.name}: the guest's kernel refused the module (errno {reply.status})",
                details="\n".join(f"    {record}" for record in reply.records),
            )
        self._check_complaint(reply)

    def await_restore(self, deadline: Deadline) -> None:
        """Wait for the reply to `wake`, which gives a restored guest the time."""
        # It takes longer than others, because QEMU has to start first.
        self._await("could not be given the time", deadline, BOOT_SILENCE)

    def await_ssh_server(self, deadline: Deadline) -> int:
        """Wait for the reply to `listen`; return the number of the next record in the kernel's log."""
        self._await("could not start its SSH server", deadline)
        if self._next_record is None:
            raise self._broken("the agent started the SSH server and did not log it")
        return self._next_record

    def trim_memory(self, deadline: Deadline) -> None:
        """Let the guest drop caches, so that its snapshot is small."""
        self.send("settle", b"")
        self._await("could not trim its memory", deadline, BOOT_SILENCE)

    def read(self, path: str, deadline: Deadline) -> bytes:
        """Return the content of a file in the guest."""
        self.send("read", path.encode())
        return self.await_read(path, deadline)

    def await_read(self, path: str, deadline: Deadline) -> bytes:
        """Wait for the reply to `read`; return the file's content."""
        # The kernel needs a second or two for a long file of /proc, without any progress to report.
        return self._await(f"could not read {path}", deadline, BOOT_SILENCE).content or b""

    def write(self, path: str, content: bytes, mode: int, deadline: Deadline) -> None:
        """Write a new file in the guest."""
        self.send_file(path, content, mode)
        self.await_file(path, deadline)

    def send_file(self, path: str, content: bytes, mode: int) -> None:
        """Send a new file for the guest."""
        self.send("write", content, f"{mode:o} {path}")

    def await_file(self, path: str, deadline: Deadline) -> None:
        """Wait for the reply to `send_file`."""
        self._await(f"could not write {path}", deadline, BOOT_SILENCE)

    def responds(self, seconds: float) -> bool:
        """Return whether the agent sends anything within so many seconds. The connection cannot be used afterwards."""
        self.send("read", _TAINTED.encode())
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def late_complaint(self, deadline: Deadline, *, warnings_allowed: bool = False) -> str | None:
        """Return what the guest's kernel has complained of since the last reply, None if it did not.

        `warnings_allowed` ignores WARN()s.
        """
        self.send("read", _TAINTED.encode())
        reply = self.reply(deadline)
        if reply.status:
            raise self._refused(f"could not read {_TAINTED}", reply)
        late = complaint(reply, warnings_allowed=warnings_allowed)
        trouble = _TROUBLE & ~_WARNED if warnings_allowed else _TROUBLE
        taint = (reply.content or b"").decode().strip()
        return f"the guest's kernel is tainted: {taint}" if late is None and int(taint) & trouble else late

    def last_begun_request(self) -> int | None:
        """Return the number of the last program that the guest began, by its console; None if it began none."""
        numbers = _BEGUN.findall(self.guest.console.text())
        return int(numbers[-1]) if numbers else None

    def _await(self, failure: str, deadline: Deadline, silence: float = SILENCE) -> AgentReply:
        """Return the reply to a request. Raises GuestError if the guest refused it or its kernel complained."""
        reply = self.reply(deadline, silence=silence)
        if reply.status:
            raise self._refused(failure, reply)
        self._check_complaint(reply)
        return reply

    def _refused(self, failure: str, reply: AgentReply) -> GuestError:
        return GuestError(f"{self.guest.name}: the guest {failure}: {os.strerror(reply.status)}")

    def _check_complaint(self, reply: AgentReply) -> None:
        complained = complaint(reply)
        if complained:
            details = "\n".join(f"    {record}" for record in reply.records)
            raise GuestError(f"{self.guest.name}: {complained}", details=details)
