# SPDX-License-Identifier: GPL-2.0-only
"""The command `gdb`: runs one case in a guest that stops before a step, and gdb on that guest.

QEMU's stub listens on a socket in a folder that only this user can reach, and that goes with the command.
"""

import socket
import struct
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path

from lazymmu.architecture import architecture
from lazymmu.debugger import program
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import Severity
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.monitor import Monitor
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import builds
from lazymmu.provision import setup as images
from lazymmu.provision.sandbox import Sandbox
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session import prefetch, requests
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection, units
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import UsageError
from lazymmu.support.lists import some_of
from lazymmu.support.project import MODULE_SOURCE, PACKAGE

#: The module with the compiler's debug information.
WITH_LINES = builds.Variant(make=("CFLAGS_MODULE=-g",))
_SCRIPT = PACKAGE / "debugger" / "at_step.gdb"
# The sections of a module that its debug information is about.
_SECTIONS = (".text", ".data", ".rodata", ".bss", ".noinstr", ".sdata", ".sbss", ".srodata")
_IN_GUEST = "/sys/module/lazymmu/sections"
# Where the address is in an ELF section's header (man 5 elf, Elf64_Shdr).
_SH_ADDR = 16
# The status with which the script ends if the run was over before the step.
_NEVER_REACHED = 65
# QEMU and the guest answer within so many seconds, multiplied by --timeout-scale.
_ANSWER = 60.0
# A message names so many cases.
_NAMED = 8


@requests.shared_cache()
def gdb(arguments: Namespace) -> int:
    """Run gdb on a guest that stops before a step. Returns gdb's exit status."""
    sandbox = prefetch.sandbox()
    arch = architecture(arguments.arch).name
    kernel, scale = requests.kernel(arguments), arguments.timeout_scale
    unit = _unit(arguments, arch)
    prepared = PreparedUnit(unit)
    _check_step(unit, arguments.at)
    script = _text(arguments.gdb_command)
    store = requests.cache()

    def ready() -> tuple[Machine, Sandbox]:
        debugger = program.obtain(store, offline=arguments.offline)
        ready = images.prepare(store, kernel, [arch], offline=arguments.offline, sandbox=sandbox)
        guests = RunningGuests()
        with closing(guests):
            return prepare(ready, arch, scale, guests, variant=WITH_LINES), debugger

    machine, debugger = store.tools.in_thread(ready)
    guests = RunningGuests()
    pool = GuestPool(machine, guests, lambda _: None, restore=True)
    with tempfile.TemporaryDirectory(prefix="lazymmu-gdb-") as name, closing(guests), pool.ready() as connection:
        folder = Path(name)
        limit = machine.deadline(_ANSWER)
        addresses = dict(_addresses(connection, machine.module, limit))
        (folder / "lazymmu.ko").write_bytes(located(machine.module, addresses))
        (folder / "at_step.gdb").write_text(_SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "user.gdb").write_text(script, encoding="utf-8")
        try:
            _start_stub(connection.guest.monitor, folder / "stub", limit)
        except OSError as error:
            raise connection.guest.failure(f"QEMU's stub for debuggers does not listen: {error}") from error
        connection.send("run", prepared.program(1))
        words = [word for line in _setup(folder, arguments.at) for word in ("-ex", line)]
        words += ["-x", str(folder / "at_step.gdb")]
        if arguments.gdb_command:
            words = ["-batch", *words, "-x", str(folder / "user.gdb")]
        status = program.run(debugger, [*arguments.words, *words], [folder, MODULE_SOURCE])
        if status == _NEVER_REACHED:
            raise UsageError(f"{unit.label()}: the run ended and never reached step {arguments.at}")
        _check_guest(connection)
        return status


def _unit(arguments: Namespace, arch: str) -> Unit:
    """Return the one unit that is meant. Raises UsageError if there are several cases."""
    impls = (arguments.impl,) if arguments.impl else ("module",)
    selection = Selection(arches=(arch,), apis=(arguments.api,), impls=impls, personality=arguments.personality)
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


def sections_of(module: bytes) -> dict[str, int]:
    """Return the sections of a module's object file that guests have and debug information is about: name -> index."""
    from elftools.elf.elffile import ELFFile

    return {
        section.name: index
        for index, section in enumerate(ELFFile(BytesIO(module)).iter_sections())
        if section.name.startswith(_SECTIONS) and section["sh_size"]
    }


def located(module: bytes, addresses: Mapping[str, int]) -> bytes:
    """Return a module's object file (64 bits) whose sections have these addresses.

    gdb's own command for that, add-symbol-file, leaves static variables where the object file has them.
    """
    from elftools.elf.elffile import ELFFile

    elf, result, sections = ELFFile(BytesIO(module)), bytearray(module), sections_of(module)
    number = struct.Struct("<Q" if elf.little_endian else ">Q")
    for name, address in addresses.items():
        header = elf["e_shoff"] + sections[name] * elf["e_shentsize"]
        number.pack_into(result, header + _SH_ADDR, address)
    return bytes(result)


def _addresses(connection: AgentConnection, module: bytes, limit: Deadline) -> Iterator[tuple[str, int]]:
    """Yield the sections of the module, and their addresses in the guest. Raises GuestError."""
    for section in sections_of(module):
        yield section, int(connection.read(f"{_IN_GUEST}/{section}", limit), 16)


def _start_stub(monitor: Monitor, path: Path, limit: Deadline) -> None:
    """Stop a guest, and let QEMU's stub for debuggers listen on a socket. Raises OSError."""
    monitor.execute("stop", limit)
    with socket.socket(socket.AF_UNIX) as stub:
        stub.bind(str(path))
        stub.listen(1)
        monitor.send_socket("stub", stub, limit)
    address = {"type": "fd", "data": {"str": "stub"}}
    backend = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
    monitor.execute("chardev-add", limit, {"id": "stub", "backend": backend})
    said = monitor.execute("human-monitor-command", limit, {"command-line": "gdbserver chardev:stub"})
    if "Waiting for gdb connection" not in said:
        raise OSError(said.strip())


def _setup(folder: Path, step: int) -> Sequence[str]:
    """Return the commands by which gdb finds the guest, the module and its source."""
    return [
        *("set confirm off", "set pagination off", "set filename-display basename", f"directory {MODULE_SOURCE}"),
        *(f"set $lazymmu_step = {step}", f"file {folder / 'lazymmu.ko'}", f"target remote {folder / 'stub'}"),
    ]


def _check_guest(connection: AgentConnection) -> None:
    """Raise GuestError if the guest died, which gdb only sees as a closed connection."""
    if any(found.severity is Severity.FATAL for found in findings_in(connection.guest.console.text())):
        raise connection.guest.death()
