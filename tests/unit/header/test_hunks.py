# SPDX-License-Identifier: GPL-2.0-only
"""What a mail changes, and how that is applied to a text that may be another than the one it was made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.header.hunks import Change, Fit, Refused, applied, changes
from lazymmu.header.mails import Mail
from lazymmu.header.text import HeaderError

from tests.patches import PGTABLE, diff

LINES = [f"line {number}" for number in range(60)]
BEFORE = "\n".join(LINES) + "\n"
AFTER = BEFORE.replace("line 20\n", "twenty\n").replace("line 40\n", "")


def parsed(text: str) -> list[Change]:
    return changes("x", Mail("[PATCH] y", text))


def fit(text: str, patch: str = diff(BEFORE, AFTER)) -> Fit:
    return applied(text, parsed(patch))


TEXTS = st.lists(st.sampled_from(["a", "b", "", "\tc {", "-", "+", "-- ", "@@"]), max_size=20).map("".join)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30), st.integers(0, 3))
def test_what_difflib_finds_makes_one_text_of_the_other(old: list[str], new: list[str], context: int) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    if before != after:
        assert fit(before, diff(before, after, context=context)) == Fit(after)


def test_lines_may_have_moved() -> None:
    more = "one more\n" * 7
    assert fit(more + BEFORE) == Fit(more + AFTER, offset=7)
    assert fit(BEFORE.replace("line 30\n", "")) == Fit(AFTER.replace("line 30\n", ""), offset=1)


def test_two_lines_of_context_at_either_end_may_differ() -> None:
    other = BEFORE.replace("line 17\n", "x\n").replace("line 22\n", "y\n").replace("line 23\n", "z\n")
    assert fit(other) == Fit(other.replace("line 20\n", "twenty\n").replace("line 40\n", ""), fuzz=2)
    with pytest.raises(
        Refused, match=r"hunk 1 of 2 in '.PATCH. y', `@@ -18,7 .*: it wants `line 19` where line 20 is `x`"
    ):
        fit(BEFORE.replace("line 19\n", "x\n"))
    with pytest.raises(Refused, match=r"hunk 2 of 2.*it wants `line 40` where line 41 is `\(the end\)`"):
        fit("\n".join(LINES[:40]))


def test_of_equal_places_the_nearest_is_taken() -> None:
    text = "a\nb\nc\n" * 20
    lines = text.splitlines(True)
    patch = diff(text, "".join([*lines[:30], "new\n", *lines[30:]]))
    more = ["x\n", *lines]
    assert fit("".join(more), patch).text == "".join([*more[:28], "new\n", *more[28:]]) or fit(
        "".join(more), patch
    ).offset in (1, 2)


def test_a_series_is_applied_in_its_order_and_can_be_taken_back() -> None:
    last = AFTER.replace("twenty\n", "20\n")
    both = [*parsed(diff(BEFORE, AFTER)), *parsed(diff(AFTER, last))]
    assert applied(BEFORE, both).text == last
    back = [Change(one.before, one.path, tuple(hunk.reversed() for hunk in one.hunks)) for one in reversed(both)]
    assert applied(last, back).text == BEFORE


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        (f"a/{PGTABLE}", f"b/{PGTABLE}", (PGTABLE, PGTABLE)),
        (PGTABLE, PGTABLE, (PGTABLE, PGTABLE)),
        (f"i/{PGTABLE}", f"w/{PGTABLE}", (PGTABLE, PGTABLE)),
        (f"linux.orig/{PGTABLE}", f"linux/{PGTABLE}\t2026-11-03", (PGTABLE, PGTABLE)),
        (f"a/tools/{PGTABLE}", f"b/tools/{PGTABLE}", (f"tools/{PGTABLE}", f"tools/{PGTABLE}")),
        ("/dev/null", "b/mm/new.c", (None, "mm/new.c")),
        ("a/mm/old.c", "/dev/null", ("mm/old.c", None)),
    ],
)
def test_paths_are_those_in_the_tree(old: str, new: str, paths: tuple[str | None, str | None]) -> None:
    (change,) = parsed(f"--- {old}\n+++ {new}\n@@ -1 +1 @@\n-a\n+b\n")
    assert (change.before, change.path) == paths


def test_git_names_the_content_before() -> None:
    patch = diff(BEFORE, AFTER).replace("---", "index 0123456789ab..ba9876543210 100644\n---", 1)
    assert parsed(patch)[0].blob == "0123456789ab"
    assert parsed(diff(BEFORE, AFTER))[0].blob == ""


def test_files_without_hunks_are_named_too() -> None:
    moved = "diff --git a/mm/a.c b/mm/b.c\nsimilarity index 100%\nrename from mm/a.c\nrename to mm/b.c\n"
    assert [(one.before, one.path) for one in parsed(moved + diff(BEFORE, AFTER))] == [
        ("mm/a.c", "mm/b.c"),
        (PGTABLE, PGTABLE),
    ]


def test_a_wrapped_line_is_reported_with_its_hunk() -> None:
    with pytest.raises(HeaderError) as caught:
        parsed(diff(BEFORE, AFTER).replace("-line 40\n", "-line\n40\n"))
    message = str(caught.value)
    assert "--patch x: [PATCH] y: the hunk `@@ -38,7 +38,6 @@` is damaged at `40`" in message
    assert "a mail program may have wrapped or cut lines" in message
