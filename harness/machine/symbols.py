# SPDX-License-Identifier: GPL-2.0-only
"""Names for addresses in a guest: the kernel's from its kallsyms, a module's from its object file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from io import BytesIO

from msgspec import Struct

# Linux: man 1 nm; text symbols, weak ones too.
_TEXT = frozenset("tTwW")


class Function(Struct, frozen=True):
    """A function's first address and its name as the kernel prints it."""

    address: int
    name: str


class Symbols(Struct, frozen=True):
    """Functions in the order of their addresses."""

    functions: Sequence[Function] = ()

    @classmethod
    def of_kernel(cls, kallsyms: bytes) -> Symbols:
        """Return the functions of a /proc/kallsyms; modules that were loaded are left out."""
        words = (line.split() for line in kallsyms.decode("ascii", errors="replace").splitlines())
        return cls._sorted(
            Function(int(entry[0], 16), entry[2]) for entry in words if len(entry) == 3 and entry[1] in _TEXT
        )

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
        return cls._sorted(
            Function(base + symbol["st_value"], f"{symbol.name} [{module}]")
            for symbol in table.iter_symbols()
            if symbol["st_shndx"] == text and symbol["st_info"]["type"] == "STT_FUNC"
        )

    @classmethod
    def _sorted(cls, functions: Iterable[Function]) -> Symbols:
        # Of several names for one address, the last is found: the one that is least an internal one.
        return cls(tuple(sorted(functions, key=lambda one: (one.address, not one.name.startswith("_")))))

    def __add__(self, other: Symbols) -> Symbols:
        return self._sorted((*self.functions, *other.functions))

    def function(self, address: int) -> Function | None:
        """Return the function that begins at or last before an address."""
        index = bisect_right(self.functions, address, key=lambda function: function.address)
        return self.functions[index - 1] if index else None

    def name(self, address: int) -> str:
        """Return `function+0x12`, as the kernel writes it; the bare address when no function is near."""
        found = self.function(address)
        # No function is that long: the address lies behind the last, or between kernel and modules.
        if found is None or address - found.address > 1 << 20:
            return f"{address:#x}"
        symbol, _, module = found.name.partition(" ")
        return f"{symbol}+{address - found.address:#x}{f' {module}' if module else ''}"
