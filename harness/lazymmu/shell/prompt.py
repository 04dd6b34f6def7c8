# SPDX-License-Identifier: GPL-2.0-only
"""The command `shell`: a prompt in a guest, or one command there."""

import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lazymmu.architecture import architecture
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.machine import GuestFile, Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.remote_command import RemoteCommand
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.shell_archive import with_shell
from lazymmu.guests.transports import DEFAULT
from lazymmu.provision import setup as images
from lazymmu.results.result import Unit
from lazymmu.session import header_run, keep_failed, prefetch, requests
from lazymmu.session.given import Given
from lazymmu.session.selection import Selection, units
from lazymmu.shell import files
from lazymmu.shell.bridge import Bridge
from lazymmu.shell.library import file_of, with_library
from lazymmu.shell.terminal import Terminal
from lazymmu.support.errors import UsageError

_LOGIN = ("sh", "-l")
# Linux silently cuts off a longer command line. Its smallest COMMAND_LINE_SIZE is 2048.
_KERNEL_ARGUMENTS = 1024
# The status of a program whose output nobody reads, as a shell reports it.
_NO_READER = 128 + signal.SIGPIPE
# Flags about a guest that is started for the shell.
_OF_NEW = ("kernel", "scenario", "header", "kernel_arg", "qemu_arg")
# Steps that are too short to be announced.
_QUICK = ("restoring", "connecting", "running")


@requests.shared_cache()
def shell(arguments: Namespace) -> int:
    """Give the user a prompt in a guest, or run one command there. Returns the exit status."""
    if arguments.results is not None:
        return _in_saved(arguments)
    if arguments.arch is None:
        raise UsageError("ARCH is missing", hint="or --from DIR names the results folder with a saved guest")
    sandbox = prefetch.sandbox()
    arch = architecture(arguments.arch).name
    kernel = requests.kernel(arguments)
    pushes, pulls = files.pushes(arguments.push), files.pulls(arguments.pull, Path())
    qemu_arguments = _split(arguments.qemu_arg)
    _check(arguments.kernel_arg)
    store, scale = requests.cache(), arguments.timeout_scale
    terminal = _terminal()
    given, own_units = _own(arguments, arch)
    if own_units:
        pushes.append(file_of(own_units))

    def prepared() -> Machine:
        ready = images.prepare(store, kernel, [arch], offline=arguments.offline, sandbox=sandbox)
        variant = header_run.build(given, [ready]).of(arch, ready.name)
        guests = RunningGuests()
        with closing(guests):
            transport = requests.transport(arguments, [ready])
            ordinary = prepare(ready, arch, scale, guests, transport=transport, variant=variant)
        machine = with_shell(ordinary, arguments.kernel_arg, qemu_arguments, offline=arguments.offline)
        # With a header, run-scenario runs everything on its text.
        return machine if given else with_library(machine)

    def changed(what: str) -> None:
        if what not in _QUICK:
            store.progress.say(f"{machine.name}: {what}")

    machine = store.tools.in_thread(prepared)
    guests = RunningGuests()
    # The user's devices may not survive a snapshot, or may differ the next time.
    pool = GuestPool(machine, guests, changed, restore=not qemu_arguments)
    with closing(guests), pool.ready() as connection:
        return _use(connection, arguments, pushes, pulls, terminal)


def _in_saved(arguments: Namespace) -> int:
    """Give the user a prompt in a guest that was saved, whose program then goes on to its end."""
    of_new = {f"--{name.replace('_', '-')}": vars(arguments)[name] for name in _OF_NEW}
    of_new["--transport"] = None if arguments.transport == DEFAULT else arguments.transport
    pushes, pulls, terminal = files.pushes(arguments.push), files.pulls(arguments.pull, Path()), _terminal()
    folder, saved = keep_failed.of_results(arguments.results, arguments.arch, None, of_new)
    if saved.request is not None:
        print(
            "note: from there, the case has gone on to its end: its agent runs a shell only then\n    "
            f"lazymmu gdb --from {arguments.results} and lazymmu drgn {arguments.results} show the guest before that",
            file=sys.stderr,
        )
    guests = RunningGuests()
    with closing(guests), saved.resumed(folder, guests, arguments.timeout_scale) as connection:
        return _use(connection, arguments, pushes, pulls, terminal)


def _terminal() -> Terminal | None:
    """Return the user's terminal, None if there is none."""
    # Python has no object for standard input if it is closed.
    streams = [stream.fileno() for stream in (sys.stdin, sys.stdout) if stream is not None and stream.isatty()]
    return Terminal(*streams) if len(streams) == 2 else None


def _use(
    connection: AgentConnection,
    arguments: Namespace,
    pushes: Sequence[GuestFile],
    pulls: Sequence[files.Pull],
    terminal: Terminal | None,
) -> int:
    """Run the command or a shell, with the user's files. Returns the exit status."""
    files.push(connection, pushes, arguments.timeout_scale)
    try:
        status = _run(connection, arguments.words, terminal)
    except BrokenPipeError:
        return _NO_READER
    files.pull(connection, pulls, arguments.timeout_scale)
    return status


def _own(arguments: Namespace, arch: str) -> tuple[Given | None, Sequence[Unit]]:
    """Return what --header puts under test, and the units that only this shell has.

    Raises UsageError, and ScenarioError for a wrong scenario.
    """
    if not arguments.scenario and arguments.header is None:
        return None, ()
    from lazymmu.scenario import load

    flags = Namespace(header=arguments.header, patch=None, tree=None)
    given, selection = header_run.selected(flags, Selection(arches=(arch,), apis=() if arguments.header else ("all",)))
    # With a header, the library is run on its text, too.
    library = load([], requests.library()) if given else ()
    given_files = load(arguments.scenario, requests.library()) if arguments.scenario else ()
    return given, units(tuple({one.name: one for one in (*library, *given_files)}.values()), selection)


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


def _run(connection: AgentConnection, words: Sequence[str], terminal: Terminal | None) -> int:
    """Run the command, or a shell. Returns the exit status; a prompt always ends with 0."""
    guest, prompt = connection.guest, terminal is not None and not words
    if prompt:
        commands = "run-scenario NAME, lazymmu-log; Ctrl-D leaves, Ctrl-] ends the guest."
        print(f"{guest.name}, Linux {connection.release}, the module is loaded. {commands}", file=sys.stderr)
    # Without a terminal, the shell reads commands from standard input.
    command = words or (_LOGIN if terminal else _LOGIN[:1])
    remote = RemoteCommand(connection, command, terminal.window() if terminal else None)
    status = Bridge(remote, terminal).run()
    if guest.console.received:
        for finding in findings_in(guest.console.text()):
            print(f"lazymmu: {guest.name}: {finding.title}", file=sys.stderr)
    return 0 if prompt else status
