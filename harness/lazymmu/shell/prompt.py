# SPDX-License-Identifier: GPL-2.0-only
"""The command `shell`: a prompt in a guest, or one command there."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from lazymmu.architecture import architecture
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.remote_command import RemoteCommand
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import setup as images
from lazymmu.provision.cache import Cache
from lazymmu.session import prefetch, requests
from lazymmu.shell import files, library
from lazymmu.shell.bridge import Bridge
from lazymmu.shell.initramfs import with_shell
from lazymmu.shell.terminal import Terminal
from lazymmu.support.errors import ScenarioError, UsageError

_LOGIN = ("sh", "-l")
# Linux silently cuts off a longer command line. Its smallest COMMAND_LINE_SIZE is 2048.
_KERNEL_ARGUMENTS = 1024
# The status of a program whose output nobody reads, as a shell reports it.
_NO_READER = 128 + signal.SIGPIPE
# Steps that are too short to be announced.
_QUICK = ("restoring", "connecting", "running")


def shell(arguments: Namespace) -> int:
    """Give the user a prompt in a guest, or run one command there. Returns the exit status."""
    sandbox = prefetch.sandbox()
    arch = architecture(arguments.arch).name
    kernel = requests.kernel(arguments)
    pushes, pulls = files.pushes(arguments.push), files.pulls(arguments.pull, Path())
    qemu_arguments = _split(arguments.qemu_arg)
    _check(arguments.kernel_arg)
    store, scale = requests.cache(), arguments.timeout_scale
    terminal = _terminal()

    def prepared() -> Machine:
        ready = images.prepare(store, kernel, [arch], offline=arguments.offline, sandbox=sandbox)
        guests = RunningGuests()
        with guests.stopped_at_exit():
            ordinary = prepare(ready, arch, scale, guests, transport=requests.transport(arguments, [ready]))
        return _with_library(with_shell(ordinary, arguments.kernel_arg, qemu_arguments, offline=arguments.offline))

    # An interrupt comes to the main thread, so the work is in another one: it must not stop between any two steps.
    with ThreadPoolExecutor(max_workers=1) as pool, store.tools.stopped_by_interrupt():
        machine = pool.submit(prepared).result()
    # The user's devices may not survive a snapshot, or may differ the next time.
    with _ready(store, machine, restore=not qemu_arguments) as line:
        files.push(line, pushes, scale)
        try:
            status = _session(line, arguments.words, terminal)
        except BrokenPipeError:
            return _NO_READER
        files.pull(line, pulls, scale)
        return status


def _split(texts: list[str]) -> list[str]:
    """Return the words of --qemu-arg."""
    try:
        return [word for text in texts for word in shlex.split(text)]
    except ValueError as error:
        raise UsageError(f"--qemu-arg {texts}: {error}") from error


def _check(kernel_arguments: list[str]) -> None:
    whole = " ".join(kernel_arguments)
    if not whole.isprintable() or not whole.isascii() or len(whole) > _KERNEL_ARGUMENTS:
        raise UsageError(f"--kernel-arg: at most {_KERNEL_ARGUMENTS} bytes of printable ASCII are possible in all")


def _terminal() -> Terminal | None:
    """Return the user's terminal, None unless both standard input and output are one."""
    if os.isatty(sys.stdin.fileno()) and os.isatty(sys.stdout.fileno()):
        return Terminal(sys.stdin.fileno(), sys.stdout.fileno())
    return None


def _with_library(machine: Machine) -> Machine:
    """Return the machine with the library in its guests, or without it if a scenario has a mistake."""
    try:
        return library.with_library(machine)
    except ScenarioError as error:
        machine.images.cache.progress.say(f"run-scenario has nothing to run: {error}")
        # Such a guest is not worth a snapshot.
        return replace(machine, built_before=False)


@contextmanager
def _ready(store: Cache, machine: Machine, *, restore: bool) -> Iterator[AgentConnection]:
    """Run the guest for the length of a `with`, and announce its steps."""

    def changed(what: str) -> None:
        if what not in _QUICK:
            store.progress.say(f"{machine.name}: {what}")

    guests = RunningGuests()
    with guests.stopped_at_exit(), GuestPool(machine, guests, changed, restore=restore).ready() as line:
        yield line


def _session(line: AgentConnection, words: Sequence[str], terminal: Terminal | None) -> int:
    """Run the command, or a shell. Returns the exit status; a prompt always ends with 0."""
    prompt = terminal is not None and not words
    if prompt:
        print(
            f"{line.guest.name}, Linux {line.release}, the module is loaded. run-scenario NAME, lazymmu-log; "
            "Ctrl-D leaves, Ctrl-] ends the guest.",
            file=sys.stderr,
        )
    # Without a terminal, the shell reads commands from standard input.
    command = words or (_LOGIN if terminal else _LOGIN[:1])
    session = RemoteCommand(line, command, terminal.window() if terminal else None)
    status = Bridge(session, terminal).carry()
    if line.guest.console.received:
        for finding in findings_in(line.guest.console.text()):
            print(f"lazymmu: {line.guest.name}: {finding.title}", file=sys.stderr)
    return 0 if prompt else status
