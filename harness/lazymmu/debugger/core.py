# SPDX-License-Identifier: GPL-2.0-only
"""The command `drgn`: opens an ELF core of a saved guest, with the module's run at hand.

QEMU's core does not say which kernel it is of. The kernel describes itself in its memory (VMCOREINFO), at an address
that was read from the guest.
"""

from __future__ import annotations

import code
import sys
from argparse import Namespace
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazymmu.debugger import kernel_symbols
from lazymmu.guests import saved_guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.saved_guest import SavedGuest
from lazymmu.session import keep_failed, requests
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.project import IN_CHECKOUT, ROOT

if TYPE_CHECKING:
    from drgn import Program

# QEMU writes a core within so many seconds, multiplied by --timeout-scale.
_CORE = 120.0
#: The module's variable with its run.
_RUN = "last_run"
_NO_STACKS = """note: no stacks: the kernel {} has no debug information here
    for Debian's kernel, --debug-info fetches it; `lazymmu kernel build TREE --debug info` builds a kernel with it\
"""


@requests.shared_cache()
def drgn(arguments: Namespace) -> int:
    """Open a core in drgn: a prompt, code, or a script. Returns the exit status."""
    if arguments.code is not None and arguments.words:
        raise UsageError("-c and a script after -- cannot be given together")
    try:
        import drgn
        import drgn.cli
    except ImportError as error:
        where = f"{ROOT}[drgn]" if IN_CHECKOUT else "lazymmu[drgn]"
        raise SetupError(f"this command needs drgn: {error}", hint=f"pip install '{where}'") from error
    folder, saved = keep_failed.of_results(arguments.results, arguments.case, arguments.arch)
    store = requests.cache()
    vmlinux = kernel_symbols.of_saved(saved, store, arguments)
    guests = RunningGuests()
    with closing(guests):
        core = saved.core(folder, store, guests, Deadline.after(_CORE * arguments.timeout_scale))
    program = _program(saved, folder, core, vmlinux)
    names = {"prog": program, "run": program[_RUN], "drgn": drgn}
    if arguments.code is not None or arguments.words:
        return _run(arguments.code, arguments.words, names)
    drgn.cli.run_interactive(program, globals_func=lambda usual: {**usual, **names})
    return 0


class _Interpreter(code.InteractiveInterpreter):
    """Runs code of the user, and shows a traceback if it fails."""

    failed = False

    def showtraceback(self) -> None:
        self.failed = True
        super().showtraceback()


def _run(text: str | None, words: tuple[str, ...], names: dict[str, Any]) -> int:
    """Run the text, or the script that is the first word. Returns 1 if it fails. Raises UsageError for wrong code."""
    name = "-c" if text is not None else words[0]
    try:
        compiled = compile(Path(name).read_bytes() if text is None else text, name, "exec")
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"{name}: {error}") from error
    sys.argv = [name, *words[1:]]
    interpreter = _Interpreter({**names, "__name__": "__main__", "__file__": name})
    interpreter.runcode(compiled)
    return int(interpreter.failed)


def _program(saved: SavedGuest, folder: Path, core: Path, vmlinux: Path | None) -> Program:
    """Return drgn's program of a core; `vmlinux` is the kernel with its symbols. Raises SetupError.

    It says on standard error what is missing.
    """
    import drgn

    module = (folder / saved_guest.MODULE).read_bytes()
    segments = _segments(core)
    try:
        program = drgn.Program(vmcoreinfo=_vmcoreinfo(saved, module, core, segments))
        program.set_core_dump(core)
        file = core.open("rb")
        for address, size, offset in segments:
            # drgn takes a segment at the physical address 0 for one without such an address.
            program.add_memory_segment(address, size, _reader(file, offset), True)
        if vmlinux:
            # It may have symbols, and nothing else.
            with suppress(drgn.MissingDebugInfoError):
                program.load_debug_info([vmlinux])
        _add_module(program, module, folder / saved_guest.MODULE)
        # On riscv64, on ppc64 with the hash MMU, and under Xen, drgn does not find the pages of the module.
        program[_RUN].read_()
        _show_stacks(program, saved, has_types=bool(vmlinux) and _has(program, "struct task_struct"))
    except (drgn.FaultError, drgn.MissingDebugInfoError, LookupError, NotImplementedError, ValueError) as error:
        raise SetupError(f"drgn cannot open {core}: {error}") from error
    return program


def _segments(core: Path) -> list[tuple[int, int, int]]:
    """Return the guest's memory in a core: physical address, bytes, and where they are in the file."""
    from elftools.elf.elffile import ELFFile

    with core.open("rb") as file:
        parts = [one for one in ELFFile(file).iter_segments() if one["p_type"] == "PT_LOAD"]
        return [(one["p_paddr"], one["p_filesz"], one["p_offset"]) for one in parts]


def _reader(file: Any, begin: int) -> Any:
    def read(_address: int, count: int, offset: int, _physical: bool) -> bytes:
        file.seek(begin + offset)
        return bytes(file.read(count))

    return read


def _vmcoreinfo(saved: SavedGuest, module: bytes, core: Path, segments: list[tuple[int, int, int]]) -> bytes:
    """Return the text in the kernel's note (man 5 elf, Elf64_Nhdr). Raises SetupError if the kernel has none."""
    from lazymmu.guests.module_sections import is_little_endian

    if not saved.vmcoreinfo:
        raise SetupError(
            f"the kernel {saved.release} does not describe itself for drgn: it has no CONFIG_VMCORE_INFO",
            hint="gdb --from enters its guest",
        )
    address, _ = (int(word, 16) for word in saved.vmcoreinfo.split())
    order: Any = "little" if is_little_endian(module) else "big"
    begin = next(offset + address - start for start, size, offset in segments if start <= address < start + size)
    with core.open("rb") as file:
        file.seek(begin)
        name, size = (int.from_bytes(file.read(4), order) for _ in range(2))
        # The type, and the name with its padding.
        file.read(4 + (name + 3) // 4 * 4)
        return file.read(size)


def _add_module(program: Program, module: bytes, file: Path) -> None:
    from elftools.elf.elffile import ELFFile

    addresses = {one.name: one["sh_addr"] for one in ELFFile(BytesIO(module)).iter_sections() if one["sh_addr"]}
    begin = addresses[".text"]
    try:
        # With the kernel's types, drgn has read its list of modules.
        known: Any = program.module(begin)
    except LookupError:
        known = program.relocatable_module("lazymmu", begin, create=True)
        known.address_range = (begin, begin + len(module))
        known.section_addresses.update(addresses)
    known.try_file(file, force=True)


def _has(program: Program, name: str) -> bool:
    try:
        program.type(name)
    except LookupError:
        return False
    return True


def _show_stacks(program: Program, saved: SavedGuest, *, has_types: bool) -> None:
    """Print the stack of each processor, or why there is none."""
    if not has_types:
        print(_NO_STACKS.format(saved.release), file=sys.stderr)
        return
    for cpu in range(2):
        print(f"CPU {cpu}:\n{program.stack_trace(_current(program, cpu))}", file=sys.stderr)


def _current(program: Program, cpu: int) -> Any:
    from drgn.helpers.linux.sched import cpu_curr

    return cpu_curr(program, cpu)
