# SPDX-License-Identifier: GPL-2.0-only
"""What an agent is asked for over a line, and what becomes of its answers."""

from __future__ import annotations

import os
import re
import select

from lazymmu.guests.complaint import complaint
from lazymmu.guests.request_stream import RequestStream
from lazymmu.guests.watchdog import BOOT_SILENCE
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError

# The agent says so in the kernel's log before each (guest/agent/requests.c), which goes to the console at once.
_BEGUN = re.compile(r"lazymmu-agent: run ([0-9]+)\b")
_TAINTED = "/proc/sys/kernel/tainted"
# A machine check, a bad page, an oops, a WARN(), a soft lockup (Linux: Documentation/admin-guide/tainted-kernels.rst).
_WARNED = 1 << 9
_TROUBLE = 1 << 4 | 1 << 5 | 1 << 7 | _WARNED | 1 << 14


class AgentConnection(RequestStream):
    """A line with the requests that an agent knows. Many come in two halves, so that they can be sent ahead."""

    def load(self, module: bytes, deadline: Deadline, parameters: str = "") -> None:
        """Load a module in place of the one before; GuestError gives the kernel's reason when it refuses."""
        self.send("load", module, parameters)
        self.await_load(deadline)

    def await_load(self, deadline: Deadline) -> None:
        """Wait for the answer to a `load` that was sent ahead; raises as `load`."""
        answer = self.reply(deadline)
        if answer.status:
            raise GuestError(
                f"{self.guest.name}: the guest's kernel refused the module (errno {answer.status})",
                details="\n".join(f"    {record}" for record in answer.records),
            )
        self._well(answer)

    def await_restore(self, deadline: Deadline) -> None:
        """Wait for the answer to a `wake` that was sent ahead."""
        # QEMU first has to start, which is no time of the guest's.
        answer = self.reply(deadline, silence=BOOT_SILENCE)
        if answer.status:
            raise GuestError(f"{self.guest.name}: the guest could not be given the time (errno {answer.status})")
        self._well(answer)

    def await_ssh_server(self, deadline: Deadline) -> int:
        """Wait for the answer to a `listen` that was sent ahead; return the number of the log's next record."""
        answer = self.reply(deadline)
        if answer.status:
            raise GuestError(f"{self.guest.name}: the guest cannot listen: {os.strerror(answer.status)}")
        self._well(answer)
        if self._next_record is None:
            raise self._broken("the agent listens and did not log it")
        return self._next_record

    def responds(self, seconds: float) -> bool:
        """Return whether the agent still says something when it is asked; the line is of no use then."""
        self.send("read", _TAINTED.encode())
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def trim_memory(self, deadline: Deadline) -> None:
        """Let the guest drop what a snapshot need not hold."""
        self.send("settle", b"")
        answer = self.reply(deadline, silence=BOOT_SILENCE)
        if answer.status:
            raise GuestError(f"{self.guest.name}: the guest could not clear its memory (errno {answer.status})")
        self._well(answer)

    def run(self, program: str, deadline: Deadline) -> AgentReply:
        """Run a program for the module; return its answer."""
        self.send("run", program.encode("ascii"))
        return self.reply(deadline)

    def read(self, path: str, deadline: Deadline) -> bytes:
        """Return the content of a file in the guest; GuestError when it cannot be read."""
        self.send("read", path.encode())
        return self.await_read(path, deadline)

    def await_read(self, path: str, deadline: Deadline) -> bytes:
        """Return what a `read` that was sent ahead asked for; raises as `read`."""
        # A long file of /proc takes the kernel a second or two, in which there is nothing to tell.
        answer = self.reply(deadline, silence=BOOT_SILENCE)
        if answer.status:
            raise GuestError(f"{self.guest.name}: cannot read {path} in the guest (errno {answer.status})")
        self._well(answer)
        return answer.content or b""

    def late_complaint(self, deadline: Deadline, *, warnings_allowed: bool = False) -> str | None:
        """Return what the guest's kernel complained of that nobody has heard yet, None when it did not.

        A WARN() may be allowed. GuestError when it does not tell.
        """
        self.send("read", _TAINTED.encode())
        answer = self.reply(deadline)
        if answer.status:
            raise GuestError(f"{self.guest.name}: cannot read {_TAINTED} in the guest (errno {answer.status})")
        complained = complaint(answer, warnings_allowed=warnings_allowed)
        trouble = _TROUBLE & ~_WARNED if warnings_allowed else _TROUBLE
        if complained is None and int(answer.content or b"") & trouble:
            complained = f"the guest's kernel is tainted: {(answer.content or b'').decode().strip()}"
        return complained

    def write(self, path: str, content: bytes, mode: int, deadline: Deadline) -> None:
        """Write a new file of the guest; GuestError when it cannot be, or something is there."""
        self.send_file(path, content, mode)
        self.await_file(path, deadline)

    def send_file(self, path: str, content: bytes, mode: int) -> None:
        """Send a file ahead; `took_file` gives the answer."""
        self.send("write", content, f"{mode:o} {path}")

    def await_file(self, path: str, deadline: Deadline) -> None:
        """Wait for the answer to a file that was sent ahead; raises as `write`."""
        answer = self.reply(deadline, silence=BOOT_SILENCE)
        if answer.status:
            raise GuestError(f"{self.guest.name}: cannot write {path} in the guest: {os.strerror(answer.status)}")

    def last_begun_request(self) -> int | None:
        """Return the number of the last program that the guest began, as its console tells; None without one."""
        found = _BEGUN.findall(self.guest.console.text())
        return int(found[-1]) if found else None

    def _well(self, answer: AgentReply) -> None:
        """Raise what the kernel complained of."""
        complained = complaint(answer)
        if complained:
            said = "\n".join(f"    {record}" for record in answer.records)
            raise GuestError(f"{self.guest.name}: {complained}", details=said)
