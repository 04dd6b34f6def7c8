# SPDX-License-Identifier: GPL-2.0-only
"""Suggestions for mistyped names, so close that they are hardly ever wrong."""

from collections.abc import Collection, Mapping
from functools import lru_cache

#: What the kernel and the mails call something -> our word for it.
_OUR_WORD: Mapping[str, str] = {
    **dict.fromkeys(("hardirq", "irq"), "interrupt"),
    **dict.fromkeys(("nesting_level", "enable_count", "count"), "depth"),
    # They were merged as they were posted.
    **dict.fromkeys(("v5", "v6"), "merged"),
}


def suggestion(word: str, known: Collection[str]) -> str:
    """Return `` (did you mean `x`?)`` with a space before it, or an empty text if no known word is close.

    A word is close if one letter was added, left out, replaced or swapped with the next one; in words of six letters or
    more also two, in words of less than three none. What others call a known word is named as such.
    """
    if (ours := _OUR_WORD.get(word)) in known:
        return f" (here that is `{ours}`)"
    limit = 0 if len(word) < 3 else 1 if len(word) < 6 else 2
    near = [(distance, name) for name in known if (distance := _distance(word, name, limit)) <= limit]
    return f" (did you mean `{min(near)[1]}`?)" if near else ""


@lru_cache(maxsize=4096)
def _distance(one: str, other: str, limit: int) -> int:
    """Return the number of edits between two words (optimal string alignment); above `limit` it may be too small."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, there in enumerate(other, 1):
            edits = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                edits = min(edits, last[j - 2] + 1)
            row.append(edits)
    return row[-1]
