# SPDX-License-Identifier: GPL-2.0-only
"""One case under several revisions and personalities, side by side: who does the same, and where they part.

A pure function of traces. Revisions name their state differently, so what is compared is what a step does: its hook,
what that saw, whether the task is active behind it, its answer, writes, warnings, and what is outstanding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from msgspec import Struct

from lazymmu.subject.case import Case, Step
from lazymmu.subject.trace import Skip, Trace, compact

#: A revision and a personality.
Pair = tuple[str, str]

_COUNTED = ("deferred", "direct", "warnings")
_NOT_RUN = "not run"
# Rows of a table on one screen: before the first parting, and from there on.
_BEFORE, _BEHIND = 4, 14


class Group(Struct, frozen=True):
    """Pairs whose traces do the same at every step."""

    #: A, B, .. as the columns are headed.
    name: str
    pairs: tuple[Pair, ...]
    #: The first pair's.
    trace: Trace
    #: Step's number -> what it does, for the steps that ran.
    cells: Mapping[int, str]


class SideBySide(Struct, frozen=True):
    """One case under all pairs."""

    groups: tuple[Group, ...]
    #: Pairs under which it cannot run, and why.
    skipped: Mapping[Pair, str]
    #: The first step, in the order of the text, that not all do alike; None when all agree.
    parting: Step | None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, without scenario and case."""
        parting = self.parting
        return {
            "groups": [
                {"name": group.name, "pairs": [list(pair) for pair in group.pairs], "hooks": group.trace.hooks}
                for group in self.groups
            ],
            "skipped": [{"pair": list(pair), "reason": reason} for pair, reason in self.skipped.items()],
            "parting": None
            if parting is None
            else {"step": parting.index, "op": parting.op, "place": str(parting.place)},
        }


def side_by_side(case: Case, said: Mapping[Pair, Trace | Skip]) -> SideBySide:
    """Return who does the same with a case, in the order in which the pairs are given."""
    alike: dict[tuple[tuple[int, str], ...], list[Pair]] = {}
    traces: dict[Pair, Trace] = {}
    for pair, one in said.items():
        if isinstance(one, Trace):
            traces[pair] = one
            alike.setdefault(tuple(sorted(_cells(one).items())), []).append(pair)
    groups = tuple(
        Group(_name(number), tuple(pairs), traces[pairs[0]], dict(cells))
        for number, (cells, pairs) in enumerate(alike.items())
    )
    parting = next((step for step in case.walk() if len({group.cells.get(step.index) for group in groups}) > 1), None)
    return SideBySide(groups, {pair: one.reason for pair, one in said.items() if isinstance(one, Skip)}, parting)


def _name(number: int) -> str:
    letters = len(ascii_uppercase)
    return ascii_uppercase[number % letters] * (number // letters + 1)


def _cells(trace: Trace) -> dict[int, str]:
    """Return what each step does, in a few words."""
    counters = dict.fromkeys(_COUNTED, 0)
    cells = {}
    for record in trace.steps:
        words = [f"{record.hooks}({'on' if record.hook_active == '1' else 'off'})" if record.hooks else "-"]
        words.append("on" if record.active else "off")
        for name in _COUNTED:
            more = record.counters.get(name, counters[name]) - counters[name]
            counters[name] += more
            words += [name] if more == 1 else [f"{name}+{more}"] if more else []
        words += [] if record.value is None else [f"={record.value:#x}" if record.value > 1 else f"={record.value}"]
        words += [f"out={record.outstanding}"] if record.outstanding else []
        cells[record.index] = " ".join(words)
    return cells


def lines(case: Case, found: SideBySide) -> Iterator[str]:
    """Yield the table, one screen of it: legend, steps about the first parting, ends."""
    for group in found.groups:
        yield f"  {group.name}  {_pairs(group.pairs)}: hooks {compact(group.trace.hooks)}"
    for pair, reason in found.skipped.items():
        yield f"  -  {_pairs([pair])}: skipped: {reason}"
    if len(found.groups) < 2 or found.parting is None:
        yield "  all agree" if found.groups else "  nothing to compare"
        return
    yield f"  they part at step {found.parting.index} {found.parting.op} ({found.parting.place}):"
    yield from _table(case, found.groups, found.parting)


def _table(case: Case, groups: Sequence[Group], parting: Step) -> Iterator[str]:
    rows = [
        [
            f"{'>' if step.index == parting.index else ' '} {step.index} {'  ' * depth}{_written(step)}",
            *(group.cells.get(step.index, _NOT_RUN) for group in groups),
        ]
        for step, depth in _with_depth(case.steps)
    ]
    first = max(parting.index - _BEFORE, 0)
    last = min(parting.index + _BEHIND, len(rows))
    shown = [["  step", *(group.name for group in groups)], *rows[first:last]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(groups) + 1)]
    for number, row in enumerate(shown):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0 and first:
            yield f"    ({first} steps before)"
    if last < len(rows):
        yield f"    ({len(rows) - last} more steps)"


def _with_depth(steps: Sequence[Step], depth: int = 0) -> Iterator[tuple[Step, int]]:
    """Yield every step in the order of the text, with how deep it is nested."""
    for step in steps:
        yield step, depth
        yield from _with_depth((*step.before_hook, *step.body), depth + 1)


def _written(step: Step) -> str:
    return " ".join([step.op, *(str(value) for value in step.args.values())])


def _pairs(pairs: Sequence[Pair]) -> str:
    """Return pairs for a person: the personalities of each revision, revisions with the same ones together."""
    arches: dict[str, list[str]] = {}
    for api, arch in pairs:
        arches.setdefault(api, []).append(arch)
    together: dict[tuple[str, ...], list[str]] = {}
    for api, of_api in arches.items():
        together.setdefault(tuple(of_api), []).append(api)
    return "; ".join(f"{', '.join(apis)} on {', '.join(of_apis)}" for of_apis, apis in together.items())
