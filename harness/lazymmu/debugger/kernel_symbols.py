# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's file with its symbols for gdb and drgn: of a kernel that the user built, or on request Debian's."""

import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Literal

from lazymmu.guests.saved_guest import BEGIN, SavedGuest, Vmlinux
from lazymmu.provision import debug_info
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel


def of_kernel(kernel: InstalledKernel, arch: str, store: Cache, arguments: Namespace) -> Path | None:
    """Return the file of a kernel, None if there is none. Raises UsageError, SetupError."""
    return _file(Vmlinux.of(kernel), (kernel.name, arch, kernel.release.release, kernel.version), store, arguments)


def of_saved(saved: SavedGuest, store: Cache, arguments: Namespace) -> Path | None:
    """Return the file of a saved guest's kernel, None if there is none. Raises UsageError, SetupError."""
    return _file(saved.vmlinux, (saved.kernel, saved.arch, saved.release, saved.version), store, arguments)


def offset(vmlinux: Path, begin: int) -> int:
    """Return how far a kernel is above the addresses in its file: s390x moves it. `begin` is where its code begins."""
    from elftools.elf.elffile import ELFFile

    with vmlinux.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        if table is None or not begin:
            return 0
        names, entries = elf.get_section(table["sh_link"]).data(), table.data()
    order: Literal["little", "big"] = "little" if elf.little_endian else "big"
    # A kernel has 150,000 symbols, too many to read one by one. A name may be the end of a longer one.
    for name in re.finditer(rb"%b\0" % BEGIN.encode(), names):
        for entry in re.finditer(re.escape(name.start().to_bytes(4, order)), entries):
            if entry.start() % table["sh_entsize"] == 0:
                # man 5 elf, Elf64_Sym.
                return begin - int.from_bytes(entries[entry.start() + 8 : entry.start() + 16], order)
    return 0


def _file(built: Vmlinux | None, kernel: tuple[str, str, str, str], store: Cache, arguments: Namespace) -> Path | None:
    if arguments.debug_info:
        return debug_info.obtain(store, *kernel, offline=arguments.offline)
    file = built.file() if built else None
    if built and not file:
        print(f"note: {built.path} is gone, or of a later build: no symbols of the kernel", file=sys.stderr)
    return file
