# SPDX-License-Identifier: GPL-2.0-only
"""The command `coverage`: rules of the model that no case of the scenarios reaches.

A row is a condition of the model with one of its outcomes, for each revision or personality that can meet it; or an
operation at a place where it may be written, for each personality. Every case runs in the model only, under each
revision and personality to which its scenario applies.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, product
from operator import itemgetter
from pathlib import Path

import yaml
from msgspec import Struct

from lazymmu.reports.destination import targets, write_json
from lazymmu.scenario import load
from lazymmu.scenario.reach import every_run
from lazymmu.session import requests
from lazymmu.subject.case import Case, Step
from lazymmu.subject.conditions import Conditions
from lazymmu.subject.operations import CONTEXTS, OPERATIONS, Kind, Operation
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict

_TOP, _BEFORE_HOOK, _MEANWHILE = "no list", "before_hook", "meanwhile"
_PLACES = (_TOP, _BEFORE_HOOK, _MEANWHILE, *CONTEXTS)


class Row(Struct, frozen=True):
    """A rule under one revision or personality."""

    #: The function or operation, and its file if it has one.
    operation: str
    #: A condition and its outcome, or a place.
    condition: str
    #: The revision or the personality.
    under: str


def unreachable() -> dict[Row, str]:
    """Return the rows that no case can reach, each with the reason."""
    entries = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {
        Row(entry["operation"], condition, under): entry["reason"]
        for entry in entries
        for condition, under in product(entry["conditions"], entry["under"])
    }


def coverage(arguments: Namespace, conditions: Conditions) -> int:
    """Print the rows that no case reaches. Returns the exit status: 1 if there are any."""
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    scenarios = load(arguments.scenarios, requests.library())
    placed: set[tuple[str, str, str]] = set()
    for scenario in scenarios:
        for case, api, personality in every_run(scenario):
            conditions.in_force = api, personality
            ran = {record.index for record in predict(case, api, personality).steps}
            placed |= {(op, place, personality) for index, op, place in _places(case) if index in ran}
    excused = unreachable()
    missed = [row for row in chain(_conditions(conditions), _operations(placed)) if row not in excused]
    write_json(goals, {"missed": [{name: getattr(row, name) for name in row.__struct_fields__} for row in missed]})
    grouped: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in missed:
        grouped[row.operation, row.condition].append(row.under)
    for (operation, condition), under in grouped.items():
        terminal.line(f"never reached: {operation}: {condition} ({', '.join(under)})")
    count = "every rule is" if not missed else f"{len(missed)} rules are not"
    terminal.line(f"{count} reached by {len(scenarios)} scenarios", "bold red" if missed else "bold green")
    return 1 if missed else 0


def _conditions(conditions: Conditions) -> Iterator[Row]:
    """Yield a row for each condition and outcome that did not come."""
    for position, name in (*((0, api) for api in REVISIONS), *((1, personality) for personality in PERSONALITIES)):
        for condition, outcome in conditions.missed(name, itemgetter(position)):
            if condition.file.startswith("revisions/") == (position == 0):
                place = f"{condition.file}.py: {condition.function}"
                yield Row(place, f"`{condition.text}` {'holds' if outcome else 'does not hold'}", name)


def _operations(placed: set[tuple[str, str, str]]) -> Iterator[Row]:
    """Yield a row for each operation at a place where it never ran."""
    for operation, place, personality in product(OPERATIONS.values(), _PLACES, PERSONALITIES):
        if _is_allowed(operation, place) and (operation.name, place, personality) not in placed:
            yield Row(operation.name, f"in {place}", personality)


def _is_allowed(operation: Operation, place: str) -> bool:
    """Return whether an operation may be written there (docs/scenarios.md)."""
    if operation.kind is Kind.CHECK:
        return False
    if place in (_TOP, _BEFORE_HOOK):
        return True
    if place == _MEANWHILE:
        return operation.kind not in (Kind.TASK, Kind.MEANWHILE)
    if operation.kind in (Kind.CONTEXT, Kind.MEANWHILE):
        return place in operation.within
    return operation.kind is not Kind.TASK


def _places(case: Case) -> Iterator[tuple[int, str, str]]:
    """Yield each step's number and operation with each list around it: contexts, a before_hook, a meanwhile."""
    return _placed(case.steps, frozenset())


def _placed(steps: Sequence[Step], around: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    for step in steps:
        yield from ((step.index, step.op, place) for place in around or {_TOP})
        yield from _placed(step.before_hook, around | {_BEFORE_HOOK})
        # A meanwhile begins in no context, on the other CPU.
        inside = frozenset({_MEANWHILE}) if step.op == _MEANWHILE else around | {step.op}
        yield from _placed(step.body, inside)
