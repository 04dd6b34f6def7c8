# SPDX-License-Identifier: GPL-2.0-only
"""Requests to a guest's agent, what the replies mean, and what the guest's kernel complains of in them."""

import os
import re
import select

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.scan import findings_in
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
# Worse than a warning (Linux: include/linux/kern_levels.h). A WARN() has the level of a harmless note, so the findings
# have to recognise its text.
_KERN_ERR = 3


def complaint(reply: AgentReply, *, warnings_allowed: bool = False) -> str | None:
    """Return what the kernel complained of, None if it did not. `warnings_allowed` ignores WARN()s."""
    if not reply.foreign:
        return None
    complaints = [
        finding.title
        for finding in findings_in("\n".join(text for _, text in reply.foreign))
        if not (warnings_allowed and finding.severity is Severity.WARNING)
    ]
    complaints += [text for level, text in reply.foreign if level <= _KERN_ERR]
    return f"the guest's kernel complained: {complaints[0]}" if complaints else None


class AgentConnection(RequestStream):
    """A connection to the agent in one guest. All requests raise GuestError.

    A request that can be sent early has two halves: `send` or `send_...`, and `await_...` for its reply.
    """

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

    def late_complaint(self, deadline: Deadline, *, warnings_allowed: bool = False) -> str | None:
        """Return what the kernel has complained of since the last reply, None if it did not; see `complaint`."""
        self.send("read", _TAINTED.encode())
        reply = self.reply(deadline)
        if reply.status:
            raise GuestError(f"{self.guest.name}: the guest could not read {_TAINTED}: {os.strerror(reply.status)}")
        late = complaint(reply, warnings_allowed=warnings_allowed)
        trouble = _TROUBLE & ~_WARNED if warnings_allowed else _TROUBLE
        taint = (reply.content or b"").decode().strip()
        return f"the guest's kernel is tainted: {taint}" if late is None and int(taint) & trouble else late

    def last_begun_request(self) -> int | None:
        """Return the number of the last program that the guest began, by its console; None if it began none."""
        numbers = _BEGUN.findall(self.guest.console.text())
        return int(numbers[-1]) if numbers else None

    def await_done(self, failure: str, deadline: Deadline, silence: float = SILENCE) -> AgentReply:
        """Return the reply to a request. If the guest refused it or its kernel complained, the error says why."""
        reply = self.reply(deadline, silence=silence)
        problem = f"the guest {failure}: {os.strerror(reply.status)}" if reply.status else complaint(reply)
        if problem is not None:
            details = "\n".join(f"    {record}" for record in reply.records)
            raise GuestError(f"{self.guest.name}: {problem}", details=details)
        return reply
