# SPDX-License-Identifier: GPL-2.0-only
"""Groups results that are not passes by their cause, so that a bug is shown once, and not in each scenario that has it.

The cause of a failure is its first difference: the operation and the part of its trace that differs, the function that
performs it, and the personality where that decides the part. The cause of an error is the finding.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.results.result import Difference, Outcome, Result
from lazymmu.results.store import ResultStore
from lazymmu.subject.counters import CALLS_AND_HOOKS
from lazymmu.support.errors import Place

if TYPE_CHECKING:
    from lazymmu.results.functions import Function

# Patterns are compiled when something failed.
# Before the step that a lost guest had begun, at the end of a message.
_STEP_BEGUN = r"(?s); (last begun|begun at least): .*"
# What differs between errors that have one cause: times, addresses, offsets in a function.
_FIGURES = r"\b0x[0-9a-f]+|\+0x[0-9a-f]+(/0x[0-9a-f]+)?|\b\d+\.\d+\b"
# The parts of a trace that the revision alone decides, whatever the personality.
_OF_REVISION = ("index", "op", "task", "hooks", "hook_active", "active", "state")
# A function of the module in a trace or a hang report.
_IN_MODULE = r"\b(\w+)[.\w]*\+0x[0-9a-f]+(?:/0x[0-9a-f]+)? \[lazymmu\]"
# A message as lazymmu.provision.compiler_messages writes it.
_COMPILER = r"(?m)^    ([^:\n]+):(\d+):(?:(\d+):)? (?:fatal )?error: "
_NAMES = r"(\w+): "
# Of the number of a result.
_BITS = 40


class FailureGroup(Struct, frozen=True, dict=True):
    """Results that have one cause."""

    store: ResultStore
    #: The numbers of the results. The smallest case is first.
    numbers: Sequence[int]
    #: The result of the smallest case.
    first: Result
    #: The function that the first difference is about, if one is known.
    function: Function | None = None

    @property
    def others(self) -> Iterator[Result]:
        """The other results; each is read when it is needed."""
        return (self.store[number] for number in islice(self.numbers, 1, None))

    @property
    def title(self) -> str:
        """What differs, such as `disable: hooks`; for an error or a skip, the first line of its reason."""
        if self.first.parts:
            return f"{'flaky: ' if self.first.flaky else ''}{_kind(self.first.parts[0])}"
        return next(iter(self.first.reason.splitlines()), "").removeprefix(f"{self.first.machine}: ")

    @property
    def place(self) -> Place | None:
        """Where in its scenario the smallest case goes wrong."""
        return self.first.parts[0].place if self.first.parts else self.first.step_place

    @property
    def compiler_place(self) -> Place | None:
        """The place of the first message of a compiler, if one refused a file."""
        found = re.search(_COMPILER, self.first.reason) if self.first.outcome is Outcome.ERROR else None
        return Place(found[1], int(found[2]), int(found[3] or 1)) if found else None

    @cached_property
    def machines(self) -> dict[str, int]:
        """The number of results on each machine."""
        return dict(Counter(self.store.row(number).cell.machine for number in self.numbers))

    @cached_property
    def scenarios(self) -> dict[str, int]:
        """The number of results of each scenario, the smallest scenario first."""
        return dict(Counter(self.store.row(number).cell.scenario_name for number in self.numbers))


def cause(result: Result) -> tuple[Hashable, ...]:
    """Return what is equal for results that have one cause; what is flaky has another than what always fails."""
    return result.flaky, *_difference(result)


def _difference(result: Result) -> tuple[Hashable, ...]:
    if not result.parts:
        reason = re.sub(_FIGURES, "", result.reason.replace(f"{result.machine}: ", ""))
        return result.outcome, result.known, re.sub(_STEP_BEGUN, "", reason)
    first = result.parts[0]
    if not first.part:
        # A pin of the author's.
        return result.outcome, result.known, first.what, first.place
    function = function_of(result, {})
    tested = function.name if function else result.under_test()
    return result.outcome, result.known, first.operation, first.part, tested, _personality(result, first)


def function_of(result: Result, text: Mapping[str, Any]) -> Function | None:
    """Return the function that the first difference is about, or in which a guest died or hangs.

    `text` is what run.json says of --header.
    """
    # It reads the module's source, and only failures need it.
    from lazymmu.results import functions

    if not result.parts:
        named = re.search(_IN_MODULE, result.reason) or re.search(_IN_MODULE, result.details)
        return functions.of_module(named[1]) if named else None
    if not result.parts[0].operation:
        return None
    first = result.parts[0]
    return functions.of_operation(result, first.operation, _personality(result, first), text)


def groups(results: ResultStore, text: Mapping[str, Any]) -> list[FailureGroup]:
    """Return the groups of those results that are not passes, in the order of their first results.

    `text` is what run.json says of --header or --patch.
    """
    # Of each result its steps and its number, in one integer: there may be as many as results.
    found: dict[Hashable, array[int]] = {}
    for number, _, outcome in results.rows():
        if outcome not in (None, Outcome.PASS):
            result = results[number]
            found.setdefault(cause(result), array("Q")).append(result.steps << _BITS | number)
    ordered = [array("Q", (one & (1 << _BITS) - 1 for one in sorted(some))) for some in found.values()]
    return [
        FailureGroup(results, numbers, first, function_of(first, text))
        for numbers in ordered
        for first in [results[numbers[0]]]
    ]


def _kind(difference: Difference) -> str:
    """Return what differs, without the number of the step."""
    return f"{difference.operation}: {difference.part}" if difference.operation else difference.what


def _personality(result: Result, first: Difference) -> str | None:
    """Return the personality if it decides the part that differs; None if the revision does."""
    if first.part in _OF_REVISION:
        return None
    counters = {name for side in first.sides.values() for name in re.findall(_NAMES, side)}
    # Failed checks of the API are the revision's, too.
    if first.part == "counters" and counters <= {*CALLS_AND_HOOKS, "warnings"}:
        return None
    guest = architectures().get(result.arch)
    return result.personality or (guest.personality if guest else None)
