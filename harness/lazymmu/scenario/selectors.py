# SPDX-License-Identifier: GPL-2.0-only
"""Words that select scenarios: a name, a pattern of names, and one case of a scenario, as reports name it."""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from lazymmu.scenario.strict_yaml.scalars import NAME
from lazymmu.subject.case import Case, Scenario, Values, values_text
from lazymmu.support.errors import UsageError

#: `[name=value]` at the end of a word is a case, never a class of characters.
_CASE = re.compile(rf"(.+?)\[({NAME.pattern}=.*)\]", re.DOTALL)
_NEXT_VALUE = re.compile(rf",(?={NAME.pattern}=)")
_MAGIC = re.compile(r"[*?[]")
#: A message lists so many cases.
_SHOWN = 16


def split(word: str) -> tuple[str, str]:
    """Return the name or pattern, and the values of the case, such as `depth=3,cpu=0`; empty for all cases."""
    found = _CASE.fullmatch(word)
    return (word, "") if found is None else (found[1], found[2])


def is_pattern(name: str) -> bool:
    """Return whether a name is a pattern (`*`, `?`, `[..]`)."""
    return _MAGIC.search(name) is not None


def matches(pattern: str, name: str) -> bool:
    """Return whether a name or pattern is that of a scenario or of a folder above it; `*` matches slashes, too."""
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern.rstrip('/')}/")


def has(values: Values, wanted: str) -> bool:
    """Return whether the values of a case are those that are wanted, if any; those not named may be anything."""
    return not wanted or {*_NEXT_VALUE.split(wanted)} <= {f"{name}={value}" for name, value in values.items()}


def _with(scenario: Scenario, cases: Sequence[Case]) -> Scenario | None:
    if len(cases) == len(scenario.cases):
        return scenario
    return replace(scenario, cases=tuple(cases)) if cases else None


def with_cases(scenario: Scenario, wanted: Collection[str]) -> Scenario | None:
    """Return the scenario with only the cases that have one of these values (empty: any), None if there is none."""
    return _with(scenario, [case for case in scenario.cases if any(has(case.values, values) for values in wanted)])


def without_cases(scenario: Scenario, values: str) -> Scenario | None:
    """Return the scenario without the cases that have these values (empty: any), None if no case is left."""
    return _with(scenario, [case for case in scenario.cases if not has(case.values, values)])


def unknown_case(word: str, scenarios: Sequence[Scenario]) -> UsageError:
    """Return the error for a word that names a case which none of these scenarios has."""
    there = [
        f"{scenario.name}[{values_text(case.values)}]" if case.values else f"{scenario.name} (its only case)"
        for scenario in scenarios
        for case in scenario.cases
    ]
    shown = ", ".join([*there[:_SHOWN], *([f"… ({len(there)} cases)"] if len(there) > _SHOWN else [])])
    return UsageError(f"no case `{word}`", hint=f"there is: {shown}")
