# SPDX-License-Identifier: GPL-2.0-only
"""A suggestion is made only for a word that is a typing mistake away from a known one."""

import pytest
from lazymmu.support.suggestions import suggestion

KNOWN = ("arm64", "s390x", "disable", "enable", "two-levels", "v3", "clear_pte", "get_pte")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("arm46", "arm64"),
        ("s39x", "s390x"),
        ("enabel", "enable"),
        ("twolevles", "two-levels"),
        ("sparc64", None),
        ("preempt_disable", None),
        ("v5", None),
        ("read_pte", None),
        ("v33", "v3"),
        ("3v", "v3"),
        ("", None),
    ],
)
def test_a_near_word_is_suggested_and_no_other(word: str, meant: str | None) -> None:
    assert suggestion(word, KNOWN) == (f" (did you mean `{meant}`?)" if meant else "")


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("hardirq", "interrupt"),
        ("nesting_level", "depth"),
        ("enable_count", "depth"),
        ("v5", "merged"),
        ("v6", "merged"),
    ],
)
def test_the_kernel_s_word_leads_to_ours_where_that_is_known(word: str, ours: str) -> None:
    assert suggestion(word, ["x", ours]) == f" (here that is `{ours}`)"
    assert suggestion(word, ["x"]) == ""
