# SPDX-License-Identifier: GPL-2.0-only
"""The command `gdb`: gdb on a guest that stops before a step of a case, or on one that `run --keep-failed` saved.

QEMU's stub listens on a socket in a folder that only this user can reach, and that goes with the command.
"""

import signal
import socket
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lazymmu.architecture import architecture
from lazymmu.debugger import program
from lazymmu.debugger.kernel_symbols import of_kernel, of_saved, offset
from lazymmu.guests import debug_stub, module_sections, saved_guest
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import Severity
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.saved_guest import BEGIN
from lazymmu.provision import builds
from lazymmu.provision import setup as images
from lazymmu.provision.sandbox import Sandbox
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session import keep_failed, prefetch, requests
from lazymmu.session.keep_failed import with_lines
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection, units
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import UsageError
from lazymmu.support.lists import some_of
from lazymmu.support.project import MODULE_SOURCE, PACKAGE

# Scripts: one stops before the step $lazymmu_step, the other one in the function that performs a step that has begun.
_AT_STEP, _ENTER = "at_step.gdb", "enter.gdb"
# The status with which the script ends if the run was over before the step.
_NEVER_REACHED = 65
# QEMU and the guest answer within so many seconds, multiplied by --timeout-scale.
_ANSWER = 60.0
# A message names so many cases.
_NAMED = 8


@requests.shared_cache()
def gdb(arguments: Namespace) -> int:
    """Run gdb on a guest that stops before a step, or on a saved one. Returns gdb's exit status."""
    return _on_case(arguments) if arguments.results is None else _on_saved(arguments)


def _on_case(arguments: Namespace) -> int:
    """Run a case in a guest that stops before a step."""
    if missing := [flag for flag, value in (("SCENARIO", arguments.scenario), ("--arch", arguments.arch)) if not value]:
        raise UsageError(f"{missing[0]} is missing", hint="or --from DIR names the results folder with a saved guest")
    if arguments.at is None:
        raise UsageError("--at STEP is missing", hint="or --from DIR names the results folder with a saved guest")
    sandbox = prefetch.sandbox()
    arch = architecture(arguments.arch).name
    kernel, scale = requests.kernel(arguments), arguments.timeout_scale
    unit = _unit(arguments, arch)
    prepared = PreparedUnit(unit)
    _check_step(unit, arguments.at)
    script = _text(arguments.gdb_command)
    store = requests.cache()

    def ready() -> tuple[Machine, Sandbox, Path | None]:
        debugger = program.obtain(store, offline=arguments.offline)
        ready = images.prepare(store, kernel, [arch], offline=arguments.offline, sandbox=sandbox)
        guests = RunningGuests()
        with closing(guests):
            machine = prepare(ready, arch, scale, guests, variant=with_lines(builds.PLAIN))
        return machine, debugger, of_kernel(machine.kernel, arch, store, arguments)

    machine, debugger, vmlinux = store.tools.in_thread(ready)
    guests = RunningGuests()
    pool = GuestPool(machine, guests, lambda _: None, restore=True)
    with closing(guests), pool.ready() as connection:
        limit = machine.deadline(_ANSWER)
        addresses = dict(module_sections.addresses(connection, machine.module, limit))
        module = module_sections.located(machine.module, addresses)
        with _stub(connection.guest, module, script, limit) as folder:
            connection.send("run", prepared.program(1))
            begin = [f"set $lazymmu_step = {arguments.at}"]
            moved = offset(vmlinux, connection.guest.symbols().address(BEGIN)) if vmlinux else 0
            status = _run(
                debugger, arguments, folder, MODULE_SOURCE, vmlinux, moved, begin, [_ENTER, _AT_STEP], ["frame"]
            )
        if status == _NEVER_REACHED:
            raise UsageError(f"{unit.label()}: the run ended and never reached step {arguments.at}")
        _check_guest(connection.guest)
        return status


def _on_saved(arguments: Namespace) -> int:
    """Restore a saved guest, which stays stopped."""
    of_new = {f"--{name}": vars(arguments)[name] for name in ("at", "api", "impl", "personality", "kernel")}
    script, store = _text(arguments.gdb_command), requests.cache()
    folder, saved = keep_failed.of_results(arguments.results, arguments.scenario, arguments.arch, of_new)
    debugger = store.tools.in_thread(partial(program.obtain, store, offline=arguments.offline))
    vmlinux = of_saved(saved, store, arguments)
    guests = RunningGuests()
    with closing(guests), saved.restored(folder, guests) as guest:
        module = (folder / saved_guest.MODULE).read_bytes()
        with _stub(guest, module, script, Deadline.after(_ANSWER * arguments.timeout_scale)) as place:
            scripts = [_ENTER] if saved.step is not None else []
            shown = ["frame"] if saved.step is not None else ["info threads", "backtrace"]
            moved, source = offset(vmlinux, saved.begin) if vmlinux else 0, folder / saved_guest.SOURCE
            status = _run(debugger, arguments, place, source, vmlinux, moved, [], scripts, shown)
        _check_guest(guest)
        return status


def _hang_up(number: int, _: FrameType | None) -> NoReturn:
    # A shell may send a second one.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _end_of_terminal_interrupts() -> Iterator[None]:
    """Let the end of the terminal be an interrupt for the length of a `with`, unless it is ignored (man 1 nohup)."""
    before = signal.getsignal(signal.SIGHUP)
    if before == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hang_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _stub(guest: Guest, module: bytes, script: str, limit: Deadline) -> Iterator[Path]:
    """Let QEMU's stub listen for the length of a `with`, in a folder that has what gdb reads. It stops the guest."""
    with (
        _end_of_terminal_interrupts(),
        tempfile.TemporaryDirectory(prefix="lazymmu-gdb-") as name,
        socket.socket(socket.AF_UNIX) as end,
    ):
        folder = Path(name)
        (folder / "lazymmu.ko").write_bytes(module)
        (folder / "user.gdb").write_text(script, encoding="utf-8")
        for text in (_AT_STEP, _ENTER):
            (folder / text).write_bytes((PACKAGE / "debugger" / text).read_bytes())
        end.bind(str(folder / "stub"))
        end.listen(1)
        try:
            debug_stub.start(guest.monitor, end, limit, listens=True)
        except OSError as error:
            raise guest.failure(f"QEMU's stub for debuggers does not listen: {error}") from error
        yield folder


def _run(
    debugger: Sandbox,
    arguments: Namespace,
    folder: Path,
    source: Path,
    vmlinux: Path | None,
    moved: int,
    begin: Sequence[str],
    scripts: Sequence[str],
    shown: Sequence[str] = (),
) -> int:
    """Run gdb in the folder of a stub: commands before it connects, then scripts, then commands. Returns its status.

    `source` is the folder with the module's source, `vmlinux` the kernel with its symbols, and `moved` how far it is
    above their addresses.
    """
    module, folders = folder / "lazymmu.ko", [folder, source]
    symbols = [f"file {module}"]
    if vmlinux:
        folders.append(vmlinux.parent)
        symbols = [f"exec-file {vmlinux}", f"symbol-file -o {moved} {vmlinux}", f"add-symbol-file {module} -o 0"]
    lines = [*("set confirm off", "set pagination off", "set filename-display basename", f"directory {source}")]
    lines += [*begin, *symbols, f"target remote {folder / 'stub'}"]
    words = [word for line in lines for word in ("-ex", line)]
    words += [word for script in scripts for word in ("-x", str(folder / script))]
    words += [word for line in shown for word in ("-ex", line)]
    if arguments.gdb_command:
        words = ["-batch", *words, "-x", str(folder / "user.gdb")]
    return program.run(debugger, [*arguments.words, *words], folders)


def _unit(arguments: Namespace, arch: str) -> Unit:
    """Return the one unit that is meant. Raises UsageError if there are several cases."""
    apis, impls = (arguments.api or "merged",), (arguments.impl or "module",)
    selection = Selection(arches=(arch,), apis=apis, impls=impls, personality=arguments.personality)
    found = units(load([arguments.scenario], requests.library()), selection)
    cases = list(dict.fromkeys(unit.case_name() for unit in found))
    if len(cases) > 1:
        raise UsageError(f"{arguments.scenario} means {len(cases)} cases; name one: {some_of(cases, _NAMED)}")
    return found[0]


def _check_step(unit: Unit, step: int) -> None:
    """Raise UsageError if a unit has no step of this number."""
    last = max(one.index for one in unit.case.walk())
    if step > last:
        hint = f"lazymmu predict '{unit.case_name()}' --api {unit.api} --arch {unit.arch} --trace"
        raise UsageError(f"--at {step}: {unit.case_name()} has the steps 0 to {last}", hint=hint)


def _text(file: str | None) -> str:
    """Return the text of --gdb-command. Raises UsageError."""
    try:
        return Path(file).read_text(encoding="utf-8") if file else ""
    except (OSError, ValueError) as error:
        raise UsageError(f"--gdb-command {file}: {error}") from error


def _check_guest(guest: Guest) -> None:
    """Raise GuestError if the guest died, which gdb only sees as a closed connection."""
    if guest.exit_status() is not None or any(
        found.severity is Severity.FATAL for found in findings_in(guest.console.text())
    ):
        raise guest.death()
