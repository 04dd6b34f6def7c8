# SPDX-License-Identifier: GPL-2.0-only
"""A failure that is known: what an entry of a `--known` file says, and what a run makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from lazymmu.results.result import Outcome, Unit
from lazymmu.support.errors import Place


class Entry(Struct, frozen=True):
    """One failure that is known."""

    place: Place
    #: A scenario's name, or a pattern of names (`*`, `?`, `[..]`; `*` stands for slashes too).
    scenario: str
    #: Values of `vary` that a case must have; others may be anything.
    case: Mapping[str, int | bool | str]
    #: Architectures, revisions, implementations and kernels; None means any.
    arches: frozenset[str] | None
    apis: frozenset[str] | None
    impls: frozenset[str] | None
    kernels: frozenset[str] | None
    #: fail or error: the one that is excused.
    outcome: Outcome
    reason: str
    #: The last day (UTC) on which it counts.
    expires: date

    def covers(self, unit: Unit) -> bool:
        """Return whether the entry is about this unit."""
        return (
            (unit.scenario.name == self.scenario or fnmatchcase(unit.scenario.name, self.scenario))
            and (self.arches is None or unit.arch in self.arches)
            and (self.apis is None or unit.api in self.apis)
            and (self.impls is None or unit.impl in self.impls)
            and (self.kernels is None or unit.kernel in self.kernels)
            and all(_same(unit.values.get(name), value) for name, value in self.case.items())
        )


def _same(value: int | bool | str | None, wanted: int | bool | str) -> bool:
    # True is 1 to Python, and not to an author.
    return type(value) is type(wanted) and value == wanted


class State(StrEnum):
    """What a run made of an entry."""

    #: What it covers ended as it says.
    HOLDS = "holds"
    #: Something that it covers passed: the entry is to be removed or narrowed.
    PASSED = "passed"
    #: It covers something that was selected, and its date is past.
    EXPIRED = "expired"
    #: What it covers ended in another way, or was not run.
    OPEN = "open"
    #: It covers nothing that was selected.
    UNUSED = "unused"


class Standing(Struct, frozen=True):
    """An entry after a run."""

    entry: Entry
    state: State
    #: One line for a person, without the place; empty when the entry holds.
    message: str = ""

    @property
    def broken(self) -> bool:
        """Whether the run fails for it."""
        return self.state in (State.PASSED, State.EXPIRED)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        entry = self.entry
        return {
            "place": str(entry.place),
            "scenario": entry.scenario,
            "case": dict(entry.case),
            "arch": None if entry.arches is None else sorted(entry.arches),
            "api": None if entry.apis is None else sorted(entry.apis),
            "impl": None if entry.impls is None else sorted(entry.impls),
            "kernel": None if entry.kernels is None else sorted(entry.kernels),
            "outcome": str(entry.outcome),
            "reason": entry.reason,
            "expires": entry.expires.isoformat(),
            "state": str(self.state),
            "message": self.message,
        }
