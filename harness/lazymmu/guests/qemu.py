# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process: its lines, its certain end, and what it leaves when it dies.

Console, channel and monitors are socket pairs whose far ends QEMU inherits: nothing listens anywhere, no socket file
can be left behind, and QEMU's death is an end of file on all of them.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from lazymmu.guests import host_process, user_network
from lazymmu.guests.boot import Boot, Memory
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.console import Console
from lazymmu.guests.findings.finding import Finding, Severity
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.symbols import Symbols
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestDied, GuestError, GuestHung, LazymmuError

_CONSOLE_LINES = 20
# A dead QEMU's last output is already in the socket; this only bounds the thread that reads it (seconds).
_LAST_WORDS = 1.0
# Exit statuses of a QEMU that somebody ended, by itself and through a shell.
_KILLED = {status for number in (signal.SIGKILL, signal.SIGTERM) for status in (-number, 128 + number)}


def _titles(findings: Sequence[Finding]) -> str:
    return "; ".join(dict.fromkeys(finding.title for finding in findings))


class Lines(Struct, frozen=True):
    """The host's ends of the lines to a guest, but for the console's."""

    channel: socket.socket
    monitor: socket.socket
    journal: ChannelLog
    #: Where QEMU answers what it was told at the start; None when it was told nothing.
    orders: socket.socket | None


class Guest:
    """A running QEMU. `channel` is the host's end of the line to the agent, `journal` keeps what goes over it."""

    def __init__(
        self,
        boot: Boot,
        process: subprocess.Popen[bytes],
        console: Console,
        lines: Lines,
        stderr: IO[bytes],
        command: Sequence[str],
    ) -> None:
        self.boot = boot
        self.console = console
        self.channel = lines.channel
        self.channel_log = lines.journal
        #: Gives names to addresses; asked when the guest hangs.
        self.symbols: Callable[[], Symbols] = Symbols
        self._process = process
        self._qemu: int | None = None
        #: The host's end of the line to QEMU's monitor, for one conversation (harness/lazymmu/guests/monitor.py).
        self.monitor = lines.monitor
        self._orders = lines.orders
        self._port: int | None = None
        self._stderr = stderr
        self._command = command

    @property
    def name(self) -> str:
        """Its name for a person: its architecture, and its kernel when that is not the usual one."""
        return self.boot.name

    def stderr(self) -> str:
        """Return what QEMU (or the sandbox) wrote to its standard error so far."""
        return _said(self._stderr)

    def exit_status(self) -> int | None:
        """Return QEMU's exit status, None while it runs. QEMU exits 0 after a panic, too."""
        return self._process.poll()

    def meddled_with(self) -> bool:
        """Return whether a signal from outside ended or stopped QEMU."""
        process = self.process()
        return self.exit_status() in _KILLED or (process is not None and host_process.is_stopped(process))

    def log_failures(self) -> list[LazymmuError]:
        """Return why its logs could not be kept whole; nothing when they were."""
        return [journal.failure for journal in (self.channel_log, self.console.channel_log) if journal.failure]

    def kill(self) -> None:
        """End QEMU now; safe from any thread, and more than once."""
        self._process.kill()

    def end(self) -> None:
        """End QEMU, and wait until it has."""
        self.kill()
        self._process.wait()

    def process(self) -> int | None:
        """Return the host's id of the QEMU process, None while there is none."""
        if self._qemu is None:
            self._qemu = host_process.find(self._process.pid, self.boot.architecture.qemu)
        return self._qemu

    def forwarded_port(self, deadline: Deadline) -> int:
        """Return the port of the host's loopback address at which the guest is reached. Raises GuestError."""
        if self._orders is None:
            raise self.failure("nothing is forwarded to the guest")
        if self._port is None:
            try:
                self._port = user_network.port(self._orders, deadline)
            except (OSError, ValueError) as error:
                raise self.failure(f"QEMU does not tell the port at which the guest is reached: {error}") from None
        return self._port

    def death(self, what: str = "the line was closed") -> GuestError:
        """Return the error for a line that was closed: the guest or QEMU is dead, or will be."""
        self._wait_briefly()
        return self.failure(what, kind=GuestDied)

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        """Return the error for a guest that gives no sign of life, with what is found out about it."""
        # Imported when a guest hangs: QMP's library takes longer to load than a run to start.
        from lazymmu.guests.hang_report import diagnose  # noqa: PLC0415

        found = diagnose(
            self.boot.architecture, self.process(), self.monitor, self.symbols, agent_answers=agent_answers
        )
        return self.failure(f"{found.cause}; {what}", found.evidence, kind)

    def failure(self, what: str, processors: Sequence[str] = (), kind: type[GuestError] = GuestError) -> GuestError:
        """Return the error for what went wrong, led by the cause if the guest or QEMU tells it.

        `processors` tells where they stand, a line each.
        """
        ended = self.exit_status() is not None
        if ended:
            self.console.wait_for_end(_LAST_WORDS)
        told = [finding for finding in findings_in(self.console.text()) if finding.severity is not Severity.WARNING]
        of_qemu = findings_in(self.stderr())
        if ended or any(finding.severity is Severity.FATAL for finding in told):
            cause = f"the guest died: {_titles(told)}" if told else f"QEMU exited with status {self.exit_status()}"
            cause += f" ({_titles(of_qemu)})" if of_qemu else ""
        else:
            cause = f"{what}; its console tells of {_titles(told)}" if told else what
        texts = [f"    {line}" for finding in (*told, *of_qemu) for line in finding.text.splitlines()]
        sections = [
            *(["what was found on its console:", *texts] if texts else []),
            *(["where its processors stand:", *(f"    {line}" for line in processors)] if processors else []),
            self.details(),
        ]
        return kind(f"{self.name}: {cause}", details="\n".join(sections))

    def _wait_briefly(self) -> None:
        """Let a QEMU whose end of a line is closed finish exiting."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)

    def details(self) -> str:
        """Return the last console lines, QEMU's standard error and its command line."""
        lines = self.console.text().splitlines()[-_CONSOLE_LINES:] or ["(nothing)"]
        return "\n".join(
            ["last console lines:", *(f"    {line}" for line in lines), _about(self._stderr, self._command)]
        )


def _said(stderr: IO[bytes]) -> str:
    # The descriptor's offset is QEMU's own: it must stay where it is.
    return os.pread(stderr.fileno(), os.fstat(stderr.fileno()).st_size, 0).decode(errors="replace")


def _about(stderr: IO[bytes], command: Sequence[str]) -> str:
    """Return what QEMU wrote to its standard error, and its command line."""
    said = _said(stderr).splitlines() or ["(nothing)"]
    return "\n".join(
        ["QEMU's standard error:", *(f"    {line}" for line in said), "command line:", f"    {shlex.join(command)}"]
    )


def _keep(path: Path, stderr: IO[bytes], command: Sequence[str]) -> None:
    with suppress(OSError):  # a full disk is told by the journals' failure
        path.write_text(_about(stderr, command) + "\n", encoding="utf-8")


@contextmanager
def start(boot: Boot, logs: Path | None = None, name: str = "guest", memory: Memory | None = None) -> Iterator[Guest]:
    """Run a guest for the length of a `with`; `logs` is the folder that keeps what it said, under `name`.

    With a snapshot's state it goes on where that was saved, else it boots.
    QEMU dies with the *thread* that enters (PR_SET_PDEATHSIG): leave in the same thread.
    """
    orders = boot.orders(memory)
    with ExitStack() as stack:
        pairs = {
            line: socket.socketpair() for line in ("console", "channel", "monitor", *(["orders"] if orders else []))
        }
        for pair in pairs.values():
            for end in pair:
                stack.enter_context(end)
        stderr = stack.enter_context(tempfile.TemporaryFile())
        journals = [
            stack.enter_context(ChannelLog(logs / f"{name}.{line}.log" if logs else None))
            for line in ("console", "channel")
        ]
        fds = {line: far.fileno() for line, (_, far) in pairs.items()}
        written = memory.file.parent if memory and memory.file != memory.state else None
        command = boot.sandbox.command(boot.command(fds, memory), also=written)
        try:
            process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=tuple(fds.values()),
                # A Ctrl-C on the terminal is the harness's to handle.
                start_new_session=True,
            )
        except OSError as error:
            raise GuestError(f"{boot.name}: cannot start QEMU: {error}") from error
        for _, far in pairs.values():
            far.close()
        near = {line: end for line, (end, _) in pairs.items()}
        if logs:
            stack.callback(_keep, logs / f"{name}.qemu.txt", stderr, command)
        stack.callback(process.wait)
        stack.callback(process.kill)
        if orders:
            # A QEMU that is dead already is noticed by whoever waits for the guest's answer.
            with suppress(OSError):
                near["orders"].sendall(orders)
        reader = stack.enter_context(Console(near["console"], journals[0]))
        lines = Lines(near["channel"], near["monitor"], journals[1], near.get("orders"))
        yield Guest(boot, process, reader, lines, stderr, command)
