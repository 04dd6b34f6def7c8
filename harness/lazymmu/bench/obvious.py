# SPDX-License-Identifier: GPL-2.0-only
"""The obvious way to drive the module, as a baseline: a shell on the guest's console, and pexpect.

This is what somebody who knows the field writes in an hour, and it is written to be fast at what it does: an initramfs
of busybox and the module, a shell on the console, and for each step one command that hands a program of one step to
/proc/lazymmu, reads the device to its end, and prints what the kernel log got since. The echo is on, the end of a
command is the next prompt, every delay of pexpect is zero, and what is the same in all commands is a function that the
shell has read before. Nothing here is used by a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
from msgspec import Struct
from pexpect.fdpexpect import fdspawn

from lazymmu.bench.bare import started
from lazymmu.guests.boot import Boot
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.errors import GuestError

_PROMPT = "guest# "
_INIT = f"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
insmod /lazymmu.ko
export ENV=/functions PS1='{_PROMPT}'
exec setsid cttyhack sh
"""
# step NUMBER REVISION PERSONALITY OPERATION. echo writes its text at once, as the module wants it (printf writes each
# line by itself); the log is emptied each time, so that it never has to be searched.
_FUNCTIONS = """\
step() {
echo -ne "lazymmu-program 2\\nrun $1\\nrevision $2\\npersonality $3\\nsteps 1\\n0 $4\\nend\\n" >/proc/lazymmu
cat /proc/lazymmu >/dev/null
dmesg -c
}
dmesg -c >/dev/null
"""
_STEP = re.compile(r"lazymmu: run (\d+) step 0 (\w+) .* hooks=(\S+) .*\|((?: \w+=\d+)*)\s*$", re.MULTILINE)
_END = re.compile(r"lazymmu: run (\d+) end ")


class Seen(Struct, frozen=True):
    """What the kernel log said of one step."""

    operation: str
    #: Letters of the hooks, empty for none.
    hooks: str
    #: Counter -> its value, for those that are not 0.
    counters: dict[str, int]


def files(busybox: bytes, module: bytes) -> dict[str, bytes]:
    """Return what the guest's archive holds."""
    return {
        "bin/busybox": busybox,
        "init": _INIT.encode(),
        "functions": _FUNCTIONS.encode(),
        "lazymmu.ko": module,
    }


def parsed(text: str, run: int, operation: str) -> Seen:
    """Return what a command's output tells of its step; GuestError when it is not there or of another step."""
    step, end = _STEP.search(text), _END.search(text)
    if step is None or end is None or {step[1], end[1]} != {str(run)} or step[2] != operation:
        raise GuestError(f"no report of step {operation} (run {run}) on the console: {text!r}")
    pairs = (word.partition("=") for word in step[4].split())
    return Seen(step[2], step[3].replace("-", ""), {name: int(value) for name, _, value in pairs})


class Shell:
    """The shell on a guest's console."""

    def __init__(self, console: fdspawn[str]) -> None:
        self._console = console
        self._runs = 0

    def command(self, text: str) -> str:
        """Send one command, wait for the next prompt, and return what came between, its echo included.

        Raises GuestError when the guest ends or is silent for longer than its console waits.
        """
        self._console.sendline(text)
        return self.prompt()

    def prompt(self) -> str:
        """Wait for a prompt, and return what came before it."""
        try:
            self._console.expect_exact(_PROMPT)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            what = f"no prompt on the guest's console: {type(error).__name__}"
            raise GuestError(what, details=self._console.before or "") from error
        return self._console.before or ""

    def step(self, revision: str, personality: str, operation: str) -> Seen:
        """Run one step and return what the kernel log said of it. Raises GuestError."""
        self._runs += 1
        return parsed(self.command(f"step {self._runs} {revision} {personality} {operation}"), self._runs, operation)


@contextmanager
def shell(boot: Boot, seconds: float) -> Iterator[Shell]:
    """Run a guest for the length of a `with`; yield its shell once it has a prompt.

    A prompt is waited for so many seconds. Raises GuestError.
    """
    with started(boot, ("console", "channel"), prefix=tethered) as lines:
        console = fdspawn(lines["console"].fileno(), timeout=seconds, encoding="utf-8", codec_errors="replace")
        console.delaybeforesend = console.delayafterread = None
        console.delayafterclose = console.delayafterterminate = 0
        found = Shell(console)
        found.prompt()
        yield found
