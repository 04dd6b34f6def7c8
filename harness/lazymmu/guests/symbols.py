# SPDX-License-Identifier: GPL-2.0-only
"""Names for addresses in a guest: the kernel's from its kallsyms, a module's from its object file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from io import BytesIO

from msgspec import Struct

# Text symbols, weak ones too (man 1 nm); a module's have its name behind them.
_TEXT = re.compile(rb"^([0-9a-f]+) [tTwW] (\S+)[ \t]*$", re.MULTILINE)
# Address, whether it is no internal name, name as the kernel prints it. A hang is told within seconds, and a kernel has
# 150,000 of them, so they are tuples and not of a class of their own.
_Function = tuple[int, bool, str]


class Symbols(Struct, frozen=True):
    """Functions in the order of their addresses."""

    _functions: Sequence[_Function] = ()

    @classmethod
    def of_kernel(cls, kallsyms: bytes) -> Symbols:
        """Return the functions of a /proc/kallsyms; modules that were loaded are left out."""
        text = _TEXT.findall(kallsyms)
        return cls.of((int(address, 16), name.decode("ascii", errors="replace")) for address, name in text)

    @classmethod
    def of_module(cls, image: bytes, base: int) -> Symbols:
        """Return the functions in the .text of a module's object file that was loaded there."""
        # Imported when a guest hangs: most runs need neither.
        from elftools.elf.elffile import ELFFile  # noqa: PLC0415
        from elftools.elf.sections import SymbolTableSection  # noqa: PLC0415

        elf = ELFFile(BytesIO(image))
        text, table = elf.get_section_index(".text"), elf.get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return cls()
        name = elf.get_section_by_name(".gnu.linkonce.this_module")
        module = name.data().strip(b"\0").split(b"\0")[0].decode() if name else "module"
        return cls.of(
            (base + symbol["st_value"], f"{symbol.name} [{module}]")
            for symbol in table.iter_symbols()
            if symbol["st_shndx"] == text and symbol["st_info"]["type"] == "STT_FUNC"
        )

    @classmethod
    def of(cls, functions: Iterable[tuple[int, str]]) -> Symbols:
        """Return these functions, given by their first addresses and names.

        Of several names for one address, one that is no internal one is found, where there is one.
        """
        return cls(sorted((address, not name.startswith("_"), name) for address, name in functions))

    def __add__(self, other: Symbols) -> Symbols:
        return Symbols(sorted([*self._functions, *other._functions]))

    def name(self, address: int) -> str:
        """Return `function+0x12`, as the kernel writes it; the bare address when no function is near."""
        index = bisect_right(self._functions, address, key=lambda function: function[0])
        begin, _, name = self._functions[index - 1] if index else (0, False, "")
        # No function is that long: the address lies behind the last, or between kernel and modules.
        if not index or address - begin > 1 << 20:
            return f"{address:#x}"
        symbol, _, module = name.partition(" ")
        return f"{symbol}+{address - begin:#x}{f' {module}' if module else ''}"
