# SPDX-License-Identifier: GPL-2.0-only
"""Shows one case under several revisions and personalities side by side: groups that do the same, and where they part.

Revisions have different names for their state, so steps are compared by what they do: the hook and what it saw, whether
the task is active afterwards, answers, writes, warnings, and outstanding entries.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from string import ascii_uppercase
from typing import Any

from msgspec import Struct

from lazymmu.subject.case import Case, Step
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.trace import Trace, compact

#: A revision and a personality.
Pair = tuple[str, str]

_COUNTED = ("deferred", "direct", "warnings")
_NOT_RUN = "not run"
#: What the cells of the table mean.
LEGEND = (
    "cells: each hook, with whether the task is active as seen from it; whether it is active after the step;",
    "  deferred, direct: writes; =0x1: the answer; out=2: entries whose last write has not taken full effect",
    f"hooks: {', '.join(f'{letter} {name}' for letter, name in HOOKS.items())}",
)
# Rows of the table before the parting, and from there on: one screen.
_BEFORE, _AFTER = 4, 14


class Group(Struct, frozen=True):
    """Pairs that do the same at every step."""

    #: The heading of its column: A, B and so on.
    name: str
    pairs: tuple[Pair, ...]
    #: The trace of the first pair.
    trace: Trace
    #: Step's number -> what the step does, for steps that ran.
    cells: Mapping[int, str]


class SideBySide(Struct, frozen=True):
    """One case under all pairs."""

    groups: tuple[Group, ...]
    #: The first step, in the order of the text, that the groups do differently; None if there is none.
    parting: Step | None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, without scenario and case."""
        step = self.parting
        parting = step and {"step": step.index, "op": step.op, "place": str(step.place)}
        return {
            "groups": [
                {"name": group.name, "pairs": [list(pair) for pair in group.pairs], "hooks": group.trace.hooks}
                for group in self.groups
            ],
            "skipped": [],
            "parting": parting,
        }


def side_by_side(case: Case, predictions: Mapping[Pair, Trace]) -> SideBySide:
    """Return the groups of a case, in the order of the pairs."""
    alike: dict[tuple[tuple[int, str], ...], list[tuple[Pair, Trace]]] = {}
    for pair, prediction in predictions.items():
        alike.setdefault(tuple(sorted(_cells(prediction).items())), []).append((pair, prediction))
    names = (letter * times for times in count(1) for letter in ascii_uppercase)
    groups = tuple(
        Group(name, tuple(pair for pair, _ in members), members[0][1], dict(cells))
        for name, (cells, members) in zip(names, alike.items(), strict=False)
    )
    parting = next((step for step in case.walk() if len({group.cells.get(step.index) for group in groups}) > 1), None)
    return SideBySide(groups, parting)


def _cells(trace: Trace) -> dict[int, str]:
    """Return what each step does, in a few words, by its number."""
    counters = dict.fromkeys(_COUNTED, 0)
    cells = {}
    for record in trace.steps:
        seen = zip(record.hooks, record.hook_active, strict=True)
        words = [f"{hook}({'on' if digit == '1' else 'off'})" for hook, digit in seen] or ["-"]
        words.append("on" if record.active else "off")
        for name in _COUNTED:
            more = record.counters.get(name, counters[name]) - counters[name]
            counters[name] += more
            words += [name] if more == 1 else [f"{name}+{more}"] if more else []
        words += [] if record.value is None else [f"={record.value:#x}" if record.value > 1 else f"={record.value}"]
        words += [f"out={record.outstanding}"] if record.outstanding else []
        cells[record.index] = " ".join(words)
    return cells


def lines(case: Case, compared: SideBySide) -> Iterator[str]:
    """Yield one screen: a line for each group, and the table around the first parting."""
    for group in compared.groups:
        yield f"  {group.name}  {pairs(group.pairs)}: hooks {compact(group.trace.hooks)}"
    if len(compared.groups) < 2 or compared.parting is None:
        yield "  all agree"
        yield from _table(case, compared.groups, None)
        return
    yield f"  they part at step {compared.parting.index} {compared.parting.op} ({compared.parting.place}):"
    yield from _table(case, compared.groups, compared.parting)


def _table(case: Case, groups: Sequence[Group], parting: Step | None) -> Iterator[str]:
    at = None if parting is None else parting.index
    rows = [
        [
            f"{'>' if step.index == at else ' '} {step.index} {'  ' * depth}{text(step)}",
            *(group.cells.get(step.index, _NOT_RUN) for group in groups),
        ]
        for step, depth in with_depth(case.steps)
    ]
    first = max((at or 0) - _BEFORE, 0)
    last = min((at or 0) + _AFTER, len(rows))
    shown = [["  step", *(group.name for group in groups)], *rows[first:last]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(groups) + 1)]
    for number, row in enumerate(shown):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0 and first:
            yield f"    ({first} steps before)"
    if last < len(rows):
        yield f"    ({len(rows) - last} more steps)"


def with_depth(steps: Sequence[Step], depth: int = 0) -> Iterator[tuple[Step, int]]:
    """Yield every step in the order of the text, with its depth of nesting."""
    for step in steps:
        yield step, depth
        yield from with_depth((*step.before_hook, *step.body), depth + 1)


def text(step: Step) -> str:
    """Return a step as one line has it."""
    return " ".join([step.op, *(str(value) for value in step.args.values())])


def pairs(pairs: Sequence[Pair]) -> str:
    """Return pairs for a person, such as `v3, v4 on arm64, x86_64; merged on s390x`."""
    personalities: dict[str, list[str]] = {}
    for api, personality in pairs:
        personalities.setdefault(api, []).append(personality)
    together: dict[tuple[str, ...], list[str]] = {}
    for api, of_api in personalities.items():
        together.setdefault(tuple(of_api), []).append(api)
    return "; ".join(f"{', '.join(apis)} on {', '.join(of_apis)}" for of_apis, apis in together.items())
