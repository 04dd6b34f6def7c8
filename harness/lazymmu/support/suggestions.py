# SPDX-License-Identifier: GPL-2.0-only
"""Suggestions for mistyped names, so close that they are hardly ever wrong."""

from collections.abc import Collection, Mapping

# One letter of five may be a wrong one, two of ten.
_CLOSE = 0.8

#: What the kernel and the mails call something -> our word for it.
_OUR_WORD: Mapping[str, str] = {
    **dict.fromkeys(("hardirq", "irq"), "interrupt"),
    **dict.fromkeys(("nesting_level", "enable_count", "count"), "depth"),
    # They were merged as they were posted.
    **dict.fromkeys(("v5", "v6"), "merged"),
}


def suggestion(word: str, known: Collection[str]) -> str:
    """Return `` (did you mean `x`?)`` with a space before it, or an empty text if no known word is close.

    What others call a known word is named as such.
    """
    if (ours := _OUR_WORD.get(word)) in known:
        return f" (here that is `{ours}`)"
    # Only a mistake needs it.
    from difflib import get_close_matches

    # Swapped letters count for too much in a short word.
    swapped = [name for name in known if sorted(name) == sorted(word)]
    near = swapped or get_close_matches(word, known, n=1, cutoff=_CLOSE)
    return f" (did you mean `{near[0]}`?)" if near else ""
