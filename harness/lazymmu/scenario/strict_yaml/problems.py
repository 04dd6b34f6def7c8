# SPDX-License-Identifier: GPL-2.0-only
"""Gathering mistakes, and the wording that every message shares."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Iterable, Mapping

from lazymmu.support.errors import Place, Problem

#: Longest text of a file that a message repeats, in characters.
_QUOTED = 40

#: How many known words a message lists.
_SHOWN = 16


class Problems:
    """The mistakes found so far; readers add to it and go on."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, place: Place, message: str) -> None:
        """Record one mistake."""
        self.found.append(Problem(place, message))

    def __len__(self) -> int:
        return len(self.found)


def quote(text: int | bool | str) -> str:
    """Return the text as messages show it: in backticks, on one line, cut when long."""
    return f"`{cut(text)}`"


def cut(value: int | bool | str) -> str:
    """Return a value as it is written in a file, on one line, cut when long."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return (text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…").replace("\n", "\\n")


@functools.lru_cache(maxsize=1024)
def suggest(word: str, known: tuple[str, ...]) -> str:
    """Return `` (did you mean `x`?)`` with a space before it, or nothing when no known word is close."""
    if len(word) > _QUOTED:
        return ""
    close = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1)
    close = close or difflib.get_close_matches(word.lower(), known, n=1)
    return f" (did you mean {quote(close[0])}?)" if close else ""


def listed(words: Iterable[str]) -> str:
    """Return the words joined by commas."""
    return ", ".join(words)


def known(words: Collection[str], what: str = "known") -> str:
    """Return `` (known: a, b)`` with a space before it, or nothing when they are too many to help."""
    return f" ({what}: {listed(words)})" if 0 < len(words) <= _SHOWN else ""


def shown(values: Mapping[str, int | bool | str]) -> str:
    """Return `` (with n: 3)`` with a space before it, nothing without values: those of the case that is meant."""
    words = [f"{name}: {cut(value)}" for name, value in values.items()]
    return f" (with {', '.join(words[:8])})" if words else ""
