# SPDX-License-Identifier: GPL-2.0-only
"""Which functions and macros lines of C define."""

from __future__ import annotations

from lazymmu.header.functions import names
from lazymmu.header.lines import bare


def of(text: str) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    found = names(bare(text).split("\n"))
    return found.functions, found.macros, found.declared


def test_functions_are_told_from_calls_declarations_and_macros() -> None:
    text = """\
#define one(a) do { \\
	two(a); } while (0)
static inline void three(void)
{
	if (four()) {
		five();
	}
}
void six(int a);
static __always_inline __attribute__((unused)) int
seven(struct s *a,
      int b) __must_hold(b) { return eight(a); }
struct nine { int (*ten)(void); };
static int eleven[] = { twelve(1) };
"""
    functions, macros, declared = of(text)
    assert functions == {"three": 3, "seven": 11}
    assert macros == {"one": 1}
    assert declared == {"six": 9}


def test_branches_that_open_a_brace_twice_do_not_hide_what_follows() -> None:
    text = "void one(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\nvoid two(void) { }\n"
    assert of(text)[0] == {"one": 1, "two": 10}


def test_a_function_without_an_end_is_named() -> None:
    assert names(bare("void one(void)\n{\n}\nvoid two(void)\n{\n\tif (a) {\n\t}\n").split("\n")).unclosed == ("two", 4)
    assert names(bare("void one(void)\n{\n}\n").split("\n")).unclosed is None
