# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process: its channels, its reliable end, and the errors that describe its death or a hang.

Console, channel and monitors are socket pairs, and QEMU inherits one end of each. So nothing listens anywhere, no
socket file can be left over, and QEMU's death closes all of them.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from lazymmu.guests import host_process
from lazymmu.guests.boot import Boot, Memory
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.console import Console
from lazymmu.guests.findings.scan import Finding, findings_in
from lazymmu.guests.findings.table import Severity
from lazymmu.guests.monitor import Monitor
from lazymmu.guests.symbols import Symbols
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestDied, GuestError, GuestHung

_CONSOLE_LINES = 20
# When QEMU dies, its last output is already in the sockets. This only limits the time to read it (seconds).
_LAST_OUTPUT = 1.0
_PORT = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s")
# Characters at the end of the console in which `Architecture.last_words` are.
_LAST_WORDS = 500
# Exit statuses of a QEMU that was killed, directly and through a shell.
_KILLED = {status for number in (signal.SIGKILL, signal.SIGTERM) for status in (-number, 128 + number)}


def _titles(findings: Sequence[Finding]) -> str:
    return "; ".join(dict.fromkeys(finding.title for finding in findings))


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


class Guest(Struct, eq=False):
    """A running QEMU."""

    boot: Boot
    console: Console
    #: The host's end of the channel to the agent.
    channel: socket.socket
    channel_log: ChannelLog
    monitor: Monitor
    _process: subprocess.Popen[bytes]
    _stderr: IO[bytes]
    _command: Sequence[str]
    #: Returns the guest's symbols. It is called if the guest hangs.
    symbols: Callable[[], Symbols] = Symbols
    _qemu: int | None = None

    @property
    def name(self) -> str:
        """The machine's name in messages."""
        return self.boot.name

    def stderr(self) -> str:
        """Return what QEMU, or the sandbox, wrote to its standard error so far."""
        # QEMU shares the descriptor's offset, so it must not move.
        descriptor = self._stderr.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

    def exit_status(self) -> int | None:
        """Return QEMU's exit status, None while it runs. QEMU exits with 0 after a panic, too."""
        return self._process.poll()

    def was_signalled(self) -> bool:
        """Return whether a signal from outside ended or stopped QEMU."""
        process = self.process()
        return self.exit_status() in _KILLED or (process is not None and host_process.is_stopped(process))

    def is_waiting_to_restart(self) -> bool:
        """Return whether the guest is dead although QEMU still runs, according to the end of its console."""
        words = self.boot.architecture.last_words
        return bool(words and re.search(words, self.console.text()[-_LAST_WORDS:]))

    def kill(self) -> None:
        """Kill QEMU. Any thread may call it, more than once."""
        self._process.kill()

    def end(self) -> None:
        """Kill QEMU, and wait until it has exited."""
        self.kill()
        self._process.wait()

    def process(self) -> int | None:
        """Return the id of the QEMU process, None if there is no such process yet."""
        if self._qemu is None:
            self._qemu = host_process.find_program(self._process.pid, self.boot.architecture.qemu)
        return self._qemu

    def forwarded_port(self, deadline: Deadline) -> int:
        """Return the port of the host's loopback address that leads to the guest. Raises GuestError."""
        try:
            table = str(self.monitor.execute("human-monitor-command", deadline, {"command-line": "info usernet"}))
        except OSError as error:
            table = str(error)
        if (port := _PORT.search(table)) is None:
            raise self.failure(f"QEMU does not say which port it forwards to the guest: {table}")
        return int(port[1])

    def death(self, what: str = "the connection was closed") -> GuestError:
        """Return the error for a connection that QEMU closed. The guest or QEMU is dead, or will be in a moment."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_OUTPUT)
        return self.failure(what, kind=GuestDied)

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        """Return the error for a guest that shows no progress, with a diagnosis. It stops the guest."""
        # Most runs have no such guest.
        from lazymmu.guests.hang_report import diagnose

        cause, evidence = diagnose(
            self.boot.architecture, self.process(), self.monitor, self.symbols, agent_answers=agent_answers
        )
        return self.failure(f"{cause}; {what}", evidence, kind)

    def failure(self, what: str, processors: Sequence[str] = (), kind: type[GuestError] = GuestError) -> GuestError:
        """Return the error for what went wrong. If the console or QEMU names the cause, the error begins with it.

        `processors` says where the guest's processors are, a line each.
        """
        exited = self.exit_status() is not None
        if exited:
            self.console.wait_for_end(_LAST_OUTPUT)
        of_console = [found for found in findings_in(self.console.text()) if found.severity is not Severity.WARNING]
        of_qemu = findings_in(self.stderr(), of_host=True)
        if exited or any(found.severity is Severity.FATAL for found in of_console):
            cause = f"the guest died: {_titles(of_console)}"
            if not of_console:
                cause = f"QEMU exited with status {self.exit_status()}"
            cause += f" ({_titles(of_qemu)})" if of_qemu else ""
        else:
            cause = f"{what}; its console reports {_titles(of_console)}" if of_console else what
        texts = _indented([line for found in (*of_console, *of_qemu) for line in found.text.splitlines()])
        sections = [
            *(["found on its console:", *texts] if texts else []),
            *(["where its processors are:", *_indented(processors)] if processors else []),
            self.details(without=texts),
        ]
        return kind(f"{self.name}: {cause}", details="\n".join(sections))

    def details(self, without: Sequence[str] = ()) -> str:
        """Return the last console lines, QEMU's standard error and its command line.

        `without`: indented lines that are shown already, such as those of a panic's trace.
        """
        lines = _indented(self.console.text().splitlines()[-_CONSOLE_LINES:] or ["(nothing)"])
        others = [line for line in lines if line not in without]
        return "\n".join(["last console lines:", *(others or ["    (those above)"]), self._about()])

    def _about(self) -> str:
        """Return what QEMU wrote to its standard error, and its command line."""
        lines = _indented(self.stderr().splitlines() or ["(nothing)"])
        return "\n".join(["QEMU's standard error:", *lines, "command line:", f"    {shlex.join(self._command)}"])

    def write_about(self, path: Path) -> None:
        """Write QEMU's standard error and command line into a file; nothing on a full disk, which the logs report."""
        with suppress(OSError):
            path.write_text(self._about() + "\n", encoding="utf-8")


@contextmanager
def launched(
    boot: Boot,
    channels: Sequence[str],
    memory: Memory | None = None,
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    prefix: Callable[[Sequence[str]], Sequence[str]] = tethered,
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, socket.socket], Sequence[str]]]:
    """Run QEMU for the length of a `with`; yield its process, our ends of its channels, and its command line.

    `prefix` puts other programs in front of the command line. Raises GuestError.
    """
    with ExitStack() as stack:
        pairs = {channel: socket.socketpair() for channel in channels}
        for end in (end for pair in pairs.values() for end in pair):
            stack.enter_context(end)
        fds = {channel: far.fileno() for channel, (_, far) in pairs.items()}
        written = memory.file.parent if memory and memory.file != memory.state else None
        command = boot.sandbox.command(boot.command(fds, memory), also=written)
        try:
            process = subprocess.Popen(
                prefix(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=tuple(fds.values()),
                # The harness handles Ctrl-C on the terminal.
                start_new_session=True,
            )
        except OSError as error:
            raise GuestError(f"{boot.name}: cannot start QEMU: {error}") from error
        stack.callback(process.wait)
        stack.callback(process.kill)
        for _, far in pairs.values():
            far.close()
        yield process, {channel: near for channel, (near, _) in pairs.items()}, command
