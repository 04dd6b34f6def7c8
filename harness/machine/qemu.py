# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process: its command line, its two lines, its certain end, and what it leaves when it dies.

Console and channel are socket pairs whose far ends QEMU inherits: nothing listens anywhere, no socket file can be
left behind, and QEMU's death is an end of file on both.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.core.errors import GuestError
from harness.images.catalogue import Architecture
from harness.images.sandbox import Sandbox
from harness.machine.console import Console

#: Name of the virtio-serial port; the agent looks for it (guest/agent).
PORT_NAME = "lazymmu"

_KERNEL_ARGUMENTS = (
    # A panic restarts at once, which -no-reboot makes QEMU's exit; an oops is a panic.
    *("panic=-1", "oops=panic"),
    # The report is printed at level 6, which must not go through the slow console.
    "loglevel=6",
    # The module prints 1,000 lines of at most 1 KB before the agent reads them.
    "log_buf_len=2M",
    # Self-tests, certificates, an entropy source and clearing of pages that no guest of ours needs: a third of a boot.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init,load_system_certificate_list,init_encrypted",
    "init_on_alloc=0",
)

_CONSOLE_LINES = 20
# A dead QEMU's last output is already in the socket; this only bounds the thread that reads it (seconds).
_LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What runs the guest's instructions, and why it is that one."""

    #: "kvm" or "tcg".
    name: str
    reason: str
    #: How much longer things take than on real hardware; multiplies every deadline.
    time_scale: float

    def arguments(self, architecture: Architecture) -> list[str]:
        """Return QEMU's arguments for it."""
        if self.name == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        return ["-accel", "tcg,thread=multi", "-cpu", architecture.cpu]


@dataclass(frozen=True, slots=True)
class Boot:
    """Everything a guest is started from."""

    architecture: Architecture
    sandbox: Sandbox
    #: Boot image and initramfs, below the tool root.
    kernel: Path
    archive: Path
    accelerator: Accelerator

    def command(self, console: int, channel: int) -> list[str]:
        """Return QEMU's command line; the numbers are the file descriptors of its ends of the two lines."""
        architecture = self.architecture
        append = " ".join([f"console={architecture.console_device}", *_KERNEL_ARGUMENTS])
        return [
            architecture.qemu,
            *architecture.machine,
            *self.accelerator.arguments(architecture),
            *("-m", str(architecture.memory), "-smp", "2"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", self.sandbox.inside(self.kernel), "-initrd", self.sandbox.inside(self.archive)),
            *("-append", append),
            *("-chardev", f"socket,id=console,fd={console}", *architecture.console_arguments),
            *("-device", architecture.channel, "-chardev", f"socket,id=channel,fd={channel}"),
            *("-device", f"virtserialport,chardev=channel,name={PORT_NAME}"),
        ]


class Guest:
    """A running QEMU. `channel` is the host's end of the line to the agent."""

    def __init__(
        self,
        boot: Boot,
        process: subprocess.Popen[bytes],
        console: Console,
        channel: socket.socket,
        stderr: IO[bytes],
        command: Sequence[str],
    ) -> None:
        self.boot = boot
        self.console = console
        self.channel = channel
        self._process = process
        self._stderr = stderr
        self._command = command

    @property
    def name(self) -> str:
        """The architecture's name."""
        return self.boot.architecture.name

    def stderr(self) -> str:
        """Return what QEMU (or the sandbox) wrote to its standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def exit_status(self) -> int | None:
        """Return QEMU's exit status, None while it runs. QEMU exits 0 after a panic, too."""
        return self._process.poll()

    def kill(self) -> None:
        """End QEMU now; safe from any thread, and more than once."""
        self._process.kill()

    def failure(self, what: str) -> GuestError:
        """Return the error for what went wrong, led by the cause if the guest or QEMU tells it."""
        ended = self._wait_briefly() if what == "the line was closed" else self.exit_status() is not None
        if ended:
            self.console.wait_for_end(_LAST_WORDS)
        panic = self.console.panic()
        if panic is not None:
            cause = f"the guest panicked: {panic}"
        elif ended:
            cause = f"QEMU exited with status {self.exit_status()}"
        else:
            cause = what
        return GuestError(f"{self.name}: {cause}", details=self.details())

    def _wait_briefly(self) -> bool:
        """Let a QEMU whose end of a line is closed finish exiting; return whether it did."""
        try:
            self._process.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def details(self) -> str:
        """Return the last console lines, QEMU's standard error and its command line."""
        lines = self.console.text().splitlines()[-_CONSOLE_LINES:] or ["(nothing)"]
        stderr = self.stderr().splitlines() or ["(nothing)"]
        return "\n".join(
            [
                "last console lines:",
                *(f"    {line}" for line in lines),
                "QEMU's standard error:",
                *(f"    {line}" for line in stderr),
                "command line:",
                f"    {shlex.join(self._command)}",
            ]
        )


@contextmanager
def start(boot: Boot) -> Iterator[Guest]:
    """Run a guest for the length of a `with`.

    QEMU dies with the *thread* that enters (PR_SET_PDEATHSIG): leave in the same thread.
    """
    with ExitStack() as stack:
        console, far_console = socket.socketpair()
        channel, far_channel = socket.socketpair()
        stack.enter_context(channel)
        stderr = stack.enter_context(tempfile.TemporaryFile())
        with far_console, far_channel:
            fds = (far_console.fileno(), far_channel.fileno())
            command = boot.sandbox.command(boot.command(*fds))
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    pass_fds=fds,
                    # A Ctrl-C on the terminal is the harness's to handle.
                    start_new_session=True,
                )
            except OSError as error:
                console.close()
                raise GuestError(f"{boot.architecture.name}: cannot start QEMU: {error}") from error
        stack.callback(process.wait)
        stack.callback(process.kill)
        reader = stack.enter_context(Console(console))
        yield Guest(boot, process, reader, channel, stderr, command)
