# SPDX-License-Identifier: GPL-2.0-only
"""Finds the function at an address in a guest: the kernel's by its kallsyms, a module's by its object file."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from io import BytesIO

from msgspec import Struct

# Text symbols, weak ones too (man 1 nm). A module's symbol is followed by the module's name, so it does not match.
_TEXT = re.compile(rb"^([0-9a-f]+) [tTwW] (\S+)[ \t]*$", re.MULTILINE)
# Address, whether the name does not begin with `_`, and the name as the kernel prints it. A kernel has 150,000
# functions and a hang must be reported within seconds, so these are tuples and not instances of a class.
_Function = tuple[int, bool, str]
# Sizes of the records of a PE file in bytes, and the flag of a section of code.
_COFF_HEADER, _COFF_SECTION, _COFF_SYMBOL, _COFF_CODE = 20, 40, 18, 0x20
# No function is longer (bytes).
_LONGEST = 1 << 20


class Symbols(Struct, frozen=True):
    """Functions in the order of their addresses."""

    _functions: Sequence[_Function] = ()

    @classmethod
    def of_kernel(cls, kallsyms: bytes) -> Symbols:
        """Return the functions in a /proc/kallsyms, without those of modules."""
        symbols = _TEXT.findall(kallsyms)
        return cls.of((int(address, 16), name.decode("ascii", errors="replace")) for address, name in symbols)

    @classmethod
    def of_module(cls, image: bytes, base: int) -> Symbols:
        """Return the functions of a module's object file whose .text was loaded at `base`."""
        # pyelftools is slow to load, and only a hang needs it.
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection

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
    def of_efi(cls, image: bytes) -> Symbols:
        """Return the functions of an EFI program with COFF symbols (Microsoft's PE format). Raises ValueError."""
        try:
            header = struct.unpack_from("<I", image, 0x3C)[0] + 4
            sections, table, symbols, optional = struct.unpack_from("<2xH4xIIH", image, header)
            (base,) = struct.unpack_from("<Q", image, header + _COFF_HEADER + 24)
            first, strings = header + _COFF_HEADER + optional, table + symbols * _COFF_SYMBOL
            # Linkers leave out the type of a symbol, so what is in a section of code is a function.
            code = {
                n + 1: base + start
                for n in range(sections)
                for start, flags in [struct.unpack_from("<12xI20xI", image, first + n * _COFF_SECTION)]
                if flags & _COFF_CODE
            }
            found, n = [], 0
            while n < symbols:
                name, value, section, more = struct.unpack_from("<8sIh3xB", image, table + n * _COFF_SYMBOL)
                n += 1 + more
                if section in code:
                    begin = strings + int.from_bytes(name[4:], "little")
                    text = image[begin : image.index(b"\0", begin)] if name.startswith(bytes(4)) else name.rstrip(b"\0")
                    found.append((code[section] + value, text.decode("ascii", errors="replace")))
        except struct.error as error:
            raise ValueError(f"not an EFI program with symbols: {error}") from error
        return cls.of(found)

    @classmethod
    def of(cls, functions: Iterable[tuple[int, str]]) -> Symbols:
        """Return these functions. Of several names for an address, one that does not begin with `_` is preferred."""
        return cls(sorted((address, not name.startswith("_"), name) for address, name in functions))

    def __add__(self, other: Symbols) -> Symbols:
        return Symbols(sorted([*self._functions, *other._functions]))

    def address(self, name: str) -> int:
        """Return the address of a function, 0 if there is none of this name."""
        return next((address for address, _, other in self._functions if other == name), 0)

    def name(self, address: int) -> str:
        """Return `function+0x12`, as the kernel writes it; the bare address if no function is near."""
        index = bisect_right(self._functions, address, key=lambda function: function[0])
        begin, _, name = self._functions[index - 1] if index else (0, False, "")
        if not index or address - begin > _LONGEST:
            return f"{address:#x}"
        symbol, _, module = name.partition(" ")
        return f"{symbol}+{address - begin:#x}{f' {module}' if module else ''}"
