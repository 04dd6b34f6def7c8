# SPDX-License-Identifier: GPL-2.0-only
"""Symbols name an address as the kernel itself would print it."""

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
