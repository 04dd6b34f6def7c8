# SPDX-License-Identifier: GPL-2.0-only
"""Collects mistakes; and the wording that messages share."""

import difflib
import functools
from collections.abc import Collection, Mapping

from lazymmu.support.errors import Place, Problem

#: Longest text of a file that a message repeats, in characters.
_QUOTED = 40

#: How many known words a message lists.
_SHOWN = 16


class Problems:
    """The mistakes found so far. Readers add to it and continue."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._places: set[Place] = set()

    def add(self, place: Place, message: str) -> None:
        """Record one mistake."""
        self.found.append(Problem(place, message))
        self._places.add(place)

    def add_once(self, place: Place, message: str) -> None:
        """Record one mistake, unless there is one at this place."""
        if place not in self._places:
            self.add(place, message)

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
    """Return `` (did you mean `x`?)`` with a space before it, or nothing if no known word is close."""
    if len(word) > _QUOTED:
        return ""
    close = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1)
    close = close or difflib.get_close_matches(word.lower(), known, n=1)
    return f" (did you mean {quote(close[0])}?)" if close else ""


def known(words: Collection[str]) -> str:
    """Return `` (known: a, b)`` with a space before it, or nothing if they are too many to help."""
    return f" (known: {', '.join(words)})" if 0 < len(words) <= _SHOWN else ""


def shown(values: Mapping[str, int | bool | str]) -> str:
    """Return the values of a case as `` (with n: 3)`` with a space before it, or nothing without values."""
    words = [f"{name}: {cut(value)}" for name, value in values.items()]
    return f" (with {', '.join(words[:8])})" if words else ""
