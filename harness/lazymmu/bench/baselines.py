# SPDX-License-Identifier: GPL-2.0-only
"""The baselines, which no run uses: QEMU alone, and the obvious way to drive the module, by a shell and pexpect.

QEMU alone shows how fast a restore can be at best. The obvious way is what somebody who knows the field writes in an
hour, made as fast as that allows: the guest has busybox and the module; each step is one shell command that writes a
program of one step to /proc/lazymmu, reads the device to its end, and prints the new lines of the kernel log. A command
ends at the next prompt, pexpect waits nowhere else, and the shell has read the function that all commands call.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
from msgspec import Struct
from pexpect.fdpexpect import fdspawn

from lazymmu.guests.boot import Boot, Memory
from lazymmu.guests.qemu import launched
from lazymmu.support.errors import GuestError

# Any short file that is always there; its content does not matter.
_ASKED = b"/proc/uptime"
# As in init.sh.
_PROMPT = "guest# "
_FOLDER = Path(__file__).parent
_STEP = re.compile(r"lazymmu: run (\d+) step 0 (\w+) .* hooks=(\S+) .*\|((?: \w+=\d+)*)\s*$", re.MULTILINE)
_END = re.compile(r"lazymmu: run (\d+) end ")


def restore(boot: Boot, snapshot: Memory, seconds: float) -> float:
    """Return the time from QEMU's start to an answer's first byte. Raises GuestError after so many seconds."""
    begin = time.monotonic()
    with launched(boot, ("console", "channel", "monitor"), snapshot, prefix=tuple) as (_, lines, _):
        lines["monitor"].sendall(boot.startup_commands(snapshot))
        channel = lines["channel"]
        channel.settimeout(seconds)
        channel.sendall(b"read 1 %d %08x\n%s" % (len(_ASKED), zlib.crc32(_ASKED), _ASKED))
        try:
            answer = channel.recv(1)
        except (TimeoutError, ConnectionResetError) as error:
            raise GuestError(f"{boot.architecture.name}: QEMU alone restored no guest that answers: {error}") from error
        took = time.monotonic() - begin
    if not answer:
        raise GuestError(f"{boot.architecture.name}: QEMU alone ended before the guest answered")
    return took


class Observed(Struct, frozen=True):
    """One step by the kernel log: the letters of its hooks, and the counters that are not 0."""

    operation: str
    hooks: str
    counters: dict[str, int]


def files(busybox: bytes, module: bytes) -> dict[str, bytes]:
    """Return the files of the guest's initramfs."""
    scripts = {name: (_FOLDER / f"{name}.sh").read_bytes() for name in ("init", "functions")}
    return {"bin/busybox": busybox, "lazymmu.ko": module, **scripts}


def parse(text: str, run: int, operation: str) -> Observed:
    """Return the step in a command's output. Raises GuestError if the step is not there, or is another one."""
    step, end = _STEP.search(text), _END.search(text)
    if step is None or end is None or {step[1], end[1]} != {str(run)} or step[2] != operation:
        raise GuestError(f"no report of step {operation} (run {run}) on the console: {text!r}")
    pairs = (word.partition("=") for word in step[4].split())
    return Observed(step[2], step[3].replace("-", ""), {name: int(value) for name, _, value in pairs})


class Shell(Struct):
    """The shell on a guest's console."""

    _console: fdspawn[str]
    _runs: int = 0

    def wait(self) -> str:
        """Wait for a prompt; return the text before it. Raises GuestError if the guest is silent for too long."""
        try:
            self._console.expect_exact(_PROMPT)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            what = f"no prompt on the guest's console: {type(error).__name__}"
            raise GuestError(what, details=self._console.before or "") from error
        return self._console.before or ""

    def step(self, revision: str, personality: str, operation: str) -> Observed:
        """Run one step. Raises GuestError."""
        self._runs += 1
        self._console.sendline(f"step {self._runs} {revision} {personality} {operation}")
        return parse(self.wait(), self._runs, operation)


@contextmanager
def shell(boot: Boot, seconds: float) -> Iterator[Shell]:
    """Run a guest for the length of a `with`; yield its shell at its first prompt. No prompt may take longer."""
    with launched(boot, ("console", "channel")) as (_, lines, _):
        console = fdspawn(lines["console"].fileno(), timeout=seconds, encoding="utf-8", codec_errors="replace")
        console.delaybeforesend = console.delayafterread = None
        console.delayafterclose = console.delayafterterminate = 0
        ready = Shell(console)
        ready.wait()
        yield ready
