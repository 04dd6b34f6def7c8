# SPDX-License-Identifier: GPL-2.0-only
"""Collects mistakes, and has the wording that messages share."""

from collections.abc import Collection, Mapping

from lazymmu.support.errors import Place, Problem
from lazymmu.support.suggestions import suggestion

#: Longest text of a file that a message repeats, in characters.
_QUOTED = 40

#: How many known words a message lists: the language has fewer in any one place, a library may have more.
_SHOWN = 64


class Problems:
    """The mistakes found so far. Readers add to it and continue."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._places: set[Place] = set()

    def add(self, place: Place, message: str, *, rule: str = "value") -> None:
        """Record one mistake; `rule` is its id in `lazymmu.scenario.rules`."""
        self.found.append(Problem(place, message, rule))
        self._places.add(place)

    def add_once(self, place: Place, message: str, *, rule: str = "value") -> None:
        """Record one mistake, unless there is one at this place."""
        if place not in self._places:
            self.add(place, message, rule=rule)

    def are_in(self, path: str) -> bool:
        """Return whether a file has a mistake."""
        return any(problem.place.path == path for problem in self.found)

    def __len__(self) -> int:
        return len(self.found)


def quote(text: int | bool | str) -> str:
    """Return the text as messages show it: in backticks, on one line, cut when long."""
    return f"`{cut(text)}`"


def cut(value: int | bool | str) -> str:
    """Return a value as it is written in a file, on one line, cut when long."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return (text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…").replace("\n", "\\n")


def known(word: str, words: Collection[str]) -> str:
    """Return a known word that is close, else what there is; with a space before it."""
    there = [*list(words)[:_SHOWN], *(["…"] if len(words) > _SHOWN else [])]
    return suggestion(word, words) or (f" (known: {', '.join(there)})" if there else "")


def shown(values: Mapping[str, int | bool | str]) -> str:
    """Return the values of a case as `` (with n: 3)`` with a space before it, or nothing without values."""
    words = [f"{name}: {cut(value)}" for name, value in values.items()]
    return f" (with {', '.join(words[:8])})" if words else ""
