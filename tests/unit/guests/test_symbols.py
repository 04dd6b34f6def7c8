# SPDX-License-Identifier: GPL-2.0-only
"""Symbols name an address as the kernel itself would print it."""

import struct

import pytest
from lazymmu.architecture import architectures
from lazymmu.guests.symbols import Symbols

KALLSYMS = b"""0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 T startup_64
ffffffff81001000 t do_one\t
ffffffff81002000 d data_of_some_sort
ffffffff81003000 W weak_one
ffffffffc0200000 t gone\t[old_module]
nonsense
"""


def test_a_function_is_named_with_the_offset_into_it() -> None:
    symbols = Symbols.of_kernel(KALLSYMS)
    assert symbols.name(0xFFFFFFFF81001000) == "do_one+0x0"
    assert symbols.name(0xFFFFFFFF81002FFF) == "do_one+0x1fff"
    assert symbols.name(0xFFFFFFFF81003010) == "weak_one+0x10"


def test_an_address_in_an_area_of_the_architecture_is_named_by_it() -> None:
    areas = architectures()["s390x"].areas
    both = Symbols.of_kernel(KALLSYMS) + Symbols.of((address, name) for name, address in areas.items())
    assert both.name(0x400) == "lowcore+0x400"
    assert both.name(0xFFFFFFFF81001000) == "do_one+0x0"


def test_an_address_far_from_any_function_has_no_name() -> None:
    symbols = Symbols.of_kernel(KALLSYMS)
    assert symbols.name(0xFFFFFFFFC0200010) == "0xffffffffc0200010"
    assert symbols.name(0x1000) == "0x1000"
    assert Symbols().name(0x1000) == "0x1000"


def test_a_function_of_a_module_is_named_with_the_module() -> None:
    both = Symbols.of_kernel(KALLSYMS) + Symbols.of([(0xFFFFFFFFC0200000, "lmm_run_steps [lazymmu]")])
    assert both.name(0xFFFFFFFFC0200024) == "lmm_run_steps+0x24 [lazymmu]"
    assert both.name(0xFFFFFFFF81001010) == "do_one+0x10"


def _efi(*symbols: bytes, names: bytes = b"") -> bytes:
    """Return an EFI program with a section of code at 0x1000, one of data at 0x2000, and these symbols."""
    sections = [
        struct.pack("<8s4xI20xI", name, at, flags)
        for name, at, flags in ((b".text", 0x1000, 0x60000020), (b".data", 0x2000, 0x40))
    ]
    optional = bytes(24) + struct.pack("<Q", 0xFFFF82D040000000)
    header = struct.pack("<HHIIIHH", 0x8664, 2, 0, 0x40 + 24 + len(optional) + 80, len(symbols), len(optional), 0)
    return (
        bytes(0x3C) + struct.pack("<I", 0x40) + b"PE\0\0" + header + optional + b"".join([*sections, *symbols, names])
    )


def _symbol(name: bytes, value: int, section: int, more: int = 0) -> bytes:
    return struct.pack("<8sIhHBB", name, value, section, 0, 2, more)


def test_the_functions_of_an_efi_program_are_those_in_its_code() -> None:
    image = _efi(
        _symbol(b"short", 0x10, 1, 1),
        # Says more about the symbol before it.
        _symbol(b"\xff" * 8, 0, 1),
        _symbol(bytes(4) + struct.pack("<I", 4), 0x40, 1),
        _symbol(b"a_number", 0x20, 2),
        _symbol(b"absolute", 0x30, -1),
        names=struct.pack("<I", 32) + b"longer_than_eight\0",
    )
    symbols = Symbols.of_efi(image)
    assert symbols.name(0xFFFF82D040001018) == "short+0x8"
    assert symbols.name(0xFFFF82D040001041) == "longer_than_eight+0x1"
    assert symbols.name(0xFFFF82D040002021) == "longer_than_eight+0xfe1"


@pytest.mark.parametrize("image", [b"", b"MZ", _efi(_symbol(b"short", 0x10, 1))[:-1]])
def test_what_is_no_whole_efi_program_is_refused(image: bytes) -> None:
    with pytest.raises(ValueError, match="not an EFI program"):
        Symbols.of_efi(image)
