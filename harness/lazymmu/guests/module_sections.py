# SPDX-License-Identifier: GPL-2.0-only
"""Where a module's sections and variables are in a guest, and its object file with these addresses."""

import struct
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.deadline import Deadline

# The sections of a module that its debug information is about.
_SECTIONS = (".text", ".data", ".rodata", ".bss", ".noinstr", ".sdata", ".sbss", ".srodata")
_IN_GUEST = "/sys/module/lazymmu/sections"
# Where the address is in an ELF section's header (man 5 elf, Elf64_Shdr).
_SH_ADDR = 16


def sections_of(module: bytes) -> dict[str, int]:
    """Return the sections of a module's object file that guests have and debug information is about: name -> index."""
    from elftools.elf.elffile import ELFFile

    return {
        section.name: index
        for index, section in enumerate(ELFFile(BytesIO(module)).iter_sections())
        if section.name.startswith(_SECTIONS) and section["sh_size"]
    }


def addresses(connection: AgentConnection, module: bytes, limit: Deadline) -> Iterator[tuple[str, int]]:
    """Yield the sections of the module, and their addresses in the guest. Raises GuestError."""
    for section in sections_of(module):
        yield section, int(connection.read(f"{_IN_GUEST}/{section}", limit), 16)


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


def variables(module: bytes, names: Collection[str]) -> dict[str, int]:
    """Return the addresses of variables of a module that `located` returned."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    elf = ELFFile(BytesIO(module))
    table = elf.get_section_by_name(".symtab")
    return {
        symbol.name: elf.get_section(symbol["st_shndx"])["sh_addr"] + symbol["st_value"]
        for symbol in (table.iter_symbols() if isinstance(table, SymbolTableSection) else ())
        if symbol.name in names and symbol["st_info"]["type"] == "STT_OBJECT"
    }


def is_little_endian(module: bytes) -> bool:
    """Return the byte order of a module's object file."""
    from elftools.elf.elffile import ELFFile

    return bool(ELFFile(BytesIO(module)).little_endian)
