# SPDX-License-Identifier: GPL-2.0-only
"""Which lines stand in a text only when a macro is defined, whatever else stands around them."""

from __future__ import annotations

import pytest
from lazymmu.header.lines import Unreadable, bare, regions

X = "CONFIG_X"


def found(text: str) -> list[tuple[int, tuple[str, ...]]]:
    return [(region.first, region.lines) for region in regions(text, X)]


@pytest.mark.parametrize(
    "condition",
    [
        "#ifdef CONFIG_X",
        "  #  ifdef   CONFIG_X  /* why */",
        "#if defined(CONFIG_X)",
        "#if defined CONFIG_X",
        "#if IS_ENABLED(CONFIG_X)",
        "#if IS_BUILTIN( CONFIG_X )",
        "#if defined(CONFIG_MMU) && defined(CONFIG_X)",
        "#if (defined(CONFIG_X)) && A > 1",
        "#ifdef \\\n CONFIG_X",
        "/* a\n comment */ #ifdef CONFIG_X",
    ],
)
def test_a_branch_that_needs_the_macro_is_found_whole(condition: str) -> None:
    begin = condition.count("\n") + 2
    assert found(f"{condition}\none\ntwo\n#else\nthree\n#endif\n") == [(begin, ("one", "two"))]


@pytest.mark.parametrize("condition", ["#ifndef CONFIG_X", "#if !defined(CONFIG_X)", "#if !IS_ENABLED(CONFIG_X) || A"])
def test_so_is_the_other_branch_of_one_that_needs_it_not_to_be(condition: str) -> None:
    assert found(f"{condition}\none\n#else\ntwo\n#endif\n") == [(4, ("two",))]


@pytest.mark.parametrize(
    "condition",
    [
        *("#ifdef CONFIG_XY", "#ifdef CONFIG", "#if defined(CONFIG_X) || defined(B)", "#if CONFIG_XY", "#if A"),
        *(
            "#if !defined(CONFIG_X)",
            "// #ifdef CONFIG_X\n#if A",
            '"#ifdef CONFIG_X";\n#if A',
            "#if !IS_ENABLED(CONFIG_X)",
        ),
    ],
)
def test_no_other_branch_is(condition: str) -> None:
    assert found(f"{condition}\none\n#endif\n") == []


def test_neither_the_else_of_what_needs_more_nor_a_dead_branch() -> None:
    assert found("#if !defined(CONFIG_X) && A\none\n#else\ntwo\n#endif\n") == []
    assert found("#if 0\n#ifdef CONFIG_X\none\n#endif\n#endif\n") == []


def test_a_later_branch_counts_by_itself() -> None:
    assert found("#if A\none\n#elif defined(CONFIG_X)\ntwo\n#else\nthree\n#endif\n") == [(4, ("two",))]


def test_conditionals_in_it_stay_in_it_and_those_around_it_do_not_matter() -> None:
    inner = "#ifdef A\none\n#else\ntwo\n#endif\n#ifdef CONFIG_X\nthree\n#endif\n"
    text = f"#ifndef _H\n#define _H\n#ifdef CONFIG_X\n{inner}#endif\n#endif\n"
    assert found(text) == [(4, tuple(inner.splitlines()))]


def test_there_may_be_several() -> None:
    assert found("#ifdef CONFIG_X\none\n#endif\n\n#ifdef CONFIG_X\ntwo\n#endif") == [(2, ("one",)), (6, ("two",))]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a\n#ifdef CONFIG_X\nb\n", 2, "`#ifdef CONFIG_X` has no #endif"),
        ("#if A\n#endif\n#endif\n", 3, "#endif without #if"),
        ("#else\n", 1, "#else without #if"),
        ("#if A\n#else\n#elif B\n#endif\n", 3, "#elif after #else (of the #if at line 1)"),
        ("a\n\n/* b\n#endif\n", 3, "a comment that begins here has no end"),
    ],
)
def test_what_has_no_end_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(Unreadable) as caught:
        regions(text, X)
    assert (caught.value.line, str(caught.value)) == (line, what)


def test_comments_and_strings_are_empty_in_a_bare_text_which_has_as_many_lines() -> None:
    text = 'a /* { */ b "x{y" // }\n\'{\' "a\\"{" don\'t {\n/* 1\n 2 */ c\n'
    assert bare(text) == "a   b \"\"  \n'' \"\" don'' \n \\\n c\n".replace("don'' ", "don''")
    assert bare(text).count("\n") == text.count("\n")
