# SPDX-License-Identifier: GPL-2.0-only
"""Messages of a compiler and of modpost are shown with the user's file, line and column, and nothing of the sandbox."""

from lazymmu.provision.compiler_messages import message, messages, undefined

_INSIDE = "/lazymmu/builds/0123"
_TEXT = "int a;\n\tint b = c;\nvoid f(void) { g(); }\n"
_TEXTS = {f"{_INSIDE}/a.c": ("guest/module/a.c", _TEXT), "a.c": ("guest/module/a.c", _TEXT)}
_OUTPUT = f"""\
{_INSIDE}/a.c: In function 'f':
{_INSIDE}/a.c:2:17: error: 'c' undeclared
    2 |         int b = c;
/usr/src/linux/include/linux/b.h:7:1: error: static assertion failed
/usr/src/linux/include/linux/b.h:9:1: note: in expansion
make[2]: *** [scripts/Makefile.build:229: {_INSIDE}/a.o] Error 1
"""


def test_a_message_has_the_users_line_and_a_mark_at_the_column() -> None:
    assert [*messages(_TEXTS, _OUTPUT.splitlines(), tab=8)] == [
        "    guest/module/a.c:2:10: error: 'c' undeclared",
        "      \tint b = c;",
        "      \t        ^",
        "    b.h:7:1: error: static assertion failed",
    ]


def test_in_a_text_that_line_names_a_tab_is_one_column() -> None:
    assert [*messages(_TEXTS, ["a.c:2:10: error: 'c' undeclared"])] == [
        "    guest/module/a.c:2:10: error: 'c' undeclared",
        "      \tint b = c;",
        "      \t        ^",
    ]


def test_a_function_that_modules_cannot_call_is_shown_where_it_is_called() -> None:
    output = 'ERROR: modpost: "g" [/lazymmu/builds/0123/lazymmu.ko] undefined!'
    assert [*undefined({"a.c": _TEXTS["a.c"]}, output)] == [
        "    guest/module/a.c:3: error: `g` is not available to modules"
    ]


def test_of_many_lines_the_first_are_shown_and_the_others_counted() -> None:
    lines = message("first:", [f"    {number}" for number in range(25)]).splitlines()
    assert (len(lines), lines[-1]) == (22, "    (5 more lines)")
