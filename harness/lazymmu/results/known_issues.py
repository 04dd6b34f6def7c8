# SPDX-License-Identifier: GPL-2.0-only
"""Known issues: failures that entries of a --known file excuse, and what a run says of each entry."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain, groupby
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.results.result import Outcome, Result, SavedUnit, Unit
from lazymmu.results.store import ResultStore
from lazymmu.support.errors import Place

#: The keys of an entry that take one or several names.
NAMES = ("arch", "api", "impl", "kernel")


class KnownIssue(Struct, frozen=True):
    """One entry of a --known file."""

    place: Place
    #: A scenario's name, or a pattern of names (`*`, `?`, `[..]`; `*` matches slashes too).
    scenario: str
    #: `arch`, `api`, `impl` or `kernel` -> the names that a unit may have there; a missing key means any.
    names: Mapping[str, frozenset[str]]
    reason: str
    #: The last day (UTC) on which the entry is valid.
    expires: date
    #: Values of `vary` that a case must have; others may be anything.
    case: Mapping[str, int | bool | str] = {}
    #: The outcome that is excused: fail or error.
    outcome: Outcome = Outcome.FAIL
    #: A pattern of `uname -r`: the entry is about guests with such a kernel.
    release: str = "*"
    #: Only failures are excused after which the unit passed (--retries).
    flaky: bool = False

    @classmethod
    def from_json(cls, form: Mapping[str, Any]) -> Self:
        """Return the entry that `CheckedIssue.to_json` wrote."""
        path, line, column = form["place"].rsplit(":", 2)
        return cls(
            place=Place(path, int(line), int(column)),
            names={key: frozenset(form[key]) for key in NAMES if form[key] is not None},
            outcome=Outcome(form["outcome"]),
            expires=date.fromisoformat(form["expires"]),
            flaky=form.get("flaky", False),
            **{key: form[key] for key in ("scenario", "case", "release", "reason")},
        )

    def is_about(self, result: Result) -> bool:
        """Return whether the entry is about the kernel that gave the result."""
        return fnmatchcase(result.release, self.release)

    def excuses(self, result: Result) -> bool:
        """Return whether the entry excuses a result of a unit that it covers, until it expires."""
        return self.outcome is result.raw_outcome and (result.flaky or not self.flaky) and self.is_about(result)

    def names_scenario(self, name: str) -> bool:
        """Return whether the entry is about units of this scenario."""
        return name == self.scenario or fnmatchcase(name, self.scenario)

    def covers(self, unit: Unit | SavedUnit) -> bool:
        """Return whether the entry is about this unit."""
        case = self.case.items()
        return (
            self.names_scenario(unit.scenario_name)
            and all(getattr(unit, key) in names for key, names in self.names.items())
            # Python takes True for 1; an author does not.
            and all((type(value), value) == (type(unit.values.get(key)), unit.values.get(key)) for key, value in case)
        )


def excused(issues: Iterable[KnownIssue], unit: Unit, result: Result, today: date) -> Result:
    """Return the result of a unit, with the reason of the first entry that excuses it."""
    for issue in issues:
        if today <= issue.expires and issue.excuses(result) and issue.covers(unit):
            return replace(result, known=issue.reason)
    return result


class State(StrEnum):
    """What a run says of an entry."""

    #: A unit that it covers has its outcome.
    HOLDS = "holds"
    #: A unit that it covers passed: the author must remove or narrow the entry.
    PASSED = "passed"
    #: It covers units that were selected, and it has expired.
    EXPIRED = "expired"
    #: The units that it covers have other outcomes, or none.
    OPEN = "open"
    #: It covers no unit that was selected.
    UNUSED = "unused"


class CheckedIssue(Struct, frozen=True):
    """An entry after a run."""

    issue: KnownIssue
    state: State
    #: One line for a person, without the place; empty if the entry holds.
    message: str = ""

    @property
    def is_broken(self) -> bool:
        """True if the entry fails the run."""
        return self.state in (State.PASSED, State.EXPIRED)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        issue = self.issue
        return {
            "place": str(issue.place),
            "scenario": issue.scenario,
            "case": dict(issue.case),
            **{key: sorted(issue.names[key]) if key in issue.names else None for key in NAMES},
            "release": issue.release,
            "outcome": str(issue.outcome),
            "reason": issue.reason,
            "expires": issue.expires.isoformat(),
            **({"flaky": True} if issue.flaky else {}),
            "state": str(self.state),
            "message": self.message,
        }


def checked(issue: KnownIssue, results: ResultStore, today: date) -> CheckedIssue:
    """Return what the run says of an entry."""
    found = partial(CheckedIssue, issue)
    covered = _covered(issue, results)
    if (first := next(covered, None)) is None:
        return found(State.UNUSED, f"{issue.scenario}: matches nothing that was selected")
    if today > issue.expires:
        return found(State.EXPIRED, f"{issue.scenario}: expired on {issue.expires}: fix what it excuses, or extend it")
    passed, others, holds = "", 0, False
    # The repetitions of a unit follow each other.
    for label, some in groupby(chain([first], covered), key=lambda unit: replace(unit, repetition=None).label()):
        finished = [results[unit.index] for unit in some if unit.index in results]
        about = [result for result in finished if issue.is_about(result)]
        holds = holds or any(map(issue.excuses, about))
        # What is flaky may pass.
        if not issue.flaky and {result.raw_outcome for result in about} == {Outcome.PASS}:
            passed, others = passed or label, others + bool(passed)
    if passed:
        more = f" and {others} more" if others else ""
        message = f"{passed}{more} passed instead of {issue.outcome}: remove or narrow this entry"
        return found(State.PASSED, message)
    if holds:
        return found(State.HOLDS)
    ends = "was flaky" if issue.flaky else f"ended with pass or {issue.outcome}"
    return found(State.OPEN, f"{issue.scenario}: no unit that it covers {ends}")


def _covered(issue: KnownIssue, results: ResultStore) -> Iterator[Unit | SavedUnit]:
    """Yield the units that an entry covers."""
    cells = {cell for cell in results.cells if issue.names_scenario(cell.scenario_name)}
    units = (results.unit(number) for number, _, _ in results.rows(cells))
    return (unit for unit in units if issue.covers(unit))
