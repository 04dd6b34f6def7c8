# SPDX-License-Identifier: GPL-2.0-only
"""Which functions and macros lines of C define."""

from lazymmu.header.functions import Definitions, definitions
from lazymmu.header.lines import bare


def of(text: str) -> Definitions:
    return definitions(bare(text).split("\n"))


def test_functions_are_told_from_calls_declarations_and_macros() -> None:
    found = of("""\
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
""")
    assert (found.functions, found.macros, found.declared) == ({"three": 3, "seven": 11}, {"one": 1}, {"six": 9})


def test_branches_that_open_a_brace_twice_do_not_hide_later_functions() -> None:
    text = "void one(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\nvoid two(void) { }\n"
    assert of(text).functions == {"one": 1, "two": 10}


def test_a_function_without_an_end_is_named() -> None:
    assert of("void one(void)\n{\n}\nvoid two(void)\n{\n\tif (a) {\n\t}\n").unclosed == ("two", 4)
    assert of("void one(void)\n{\n}\n").unclosed is None
