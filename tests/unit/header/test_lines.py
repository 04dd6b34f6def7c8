# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of a text are compiled only if a macro is defined."""

import pytest
from lazymmu.header.lines import UnreadableError, bare, regions

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
def test_a_branch_that_needs_the_macro_is_found(condition: str) -> None:
    begin = condition.count("\n") + 2
    assert found(f"{condition}\none\ntwo\n#else\nthree\n#endif\n") == [(begin, ("one", "two"))]


@pytest.mark.parametrize("condition", ["#ifndef CONFIG_X", "#if !defined(CONFIG_X)", "#if !IS_ENABLED(CONFIG_X) || A"])
def test_the_else_of_a_condition_that_fails_only_with_the_macro_is_found(condition: str) -> None:
    assert found(f"{condition}\none\n#else\ntwo\n#endif\n") == [(4, ("two",))]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "#ifdef CONFIG_XY\none",
            "#ifdef CONFIG\none",
            "#if defined(CONFIG_X) || defined(B)\none",
            "#if CONFIG_XY\none",
        ),
        *("#if !defined(CONFIG_X)\none", "// #ifdef CONFIG_X\n#if A\none", '"#ifdef CONFIG_X";\n#if A\none'),
        *("#if !defined(CONFIG_X) && A\none\n#else\ntwo", "#if 0\n#ifdef CONFIG_X\none\n#endif"),
    ],
)
def test_another_branch_is_not_found(text: str) -> None:
    assert found(f"{text}\n#endif\n") == []


def test_an_elif_counts_by_its_own_condition() -> None:
    assert found("#if A\none\n#elif defined(CONFIG_X)\ntwo\n#else\nthree\n#endif\n") == [(4, ("two",))]


def test_conditionals_inside_belong_to_the_region_and_those_around_do_not_matter() -> None:
    inner = "#ifdef A\none\n#else\ntwo\n#endif\n#ifdef CONFIG_X\nthree\n#endif\n"
    text = f"#ifndef _H\n#define _H\n#ifdef CONFIG_X\n{inner}#endif\n#endif\n#ifdef CONFIG_X\nfour\n#endif"
    assert found(text) == [(4, tuple(inner.splitlines())), (15, ("four",))]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\n#ifdef CONFIG_X\nb\n", 2, "`#ifdef CONFIG_X` has no #endif"),
        ("#if A\n#endif\n#endif\n", 3, "#endif without #if"),
        ("#else\n", 1, "#else without #if"),
        ("#if A\n#else\n#elif B\n#endif\n", 3, "#elif after #else (of the #if at line 1)"),
        ("a\n\n/* b\n#endif\n", 3, "a comment that begins here has no end"),
    ],
)
def test_a_missing_end_is_reported_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        regions(text, X)
    assert (caught.value.line, str(caught.value)) == (line, message)


def test_a_bare_text_has_empty_strings_no_comments_and_as_many_lines() -> None:
    text = 'a /* { */ b "x{y" // }\n\'{\' "a\\"{" don\'t {\n/* 1\n 2 */ c\n'
    assert bare(text) == "a   b \"\"  \n'' \"\" don''\n \\\n c\n"
