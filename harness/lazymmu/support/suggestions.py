# SPDX-License-Identifier: GPL-2.0-only
"""Suggestions for mistyped names, so close that they are hardly ever wrong."""

from collections.abc import Collection

# One letter of five may be a wrong one, two of ten.
_CLOSE = 0.8


def suggestion(word: str, known: Collection[str]) -> str:
    """Return `` (did you mean `x`?)`` with a space before it, or an empty text if no known word is close."""
    # Only a mistake needs it.
    from difflib import get_close_matches

    # Swapped letters count for too much in a short word.
    swapped = [name for name in known if sorted(name) == sorted(word)]
    near = swapped or get_close_matches(word, known, n=1, cutoff=_CLOSE)
    return f" (did you mean `{near[0]}`?)" if near else ""
