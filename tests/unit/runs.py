# SPDX-License-Identifier: GPL-2.0-only
"""Finished runs for the tests of reports, made of real scenarios, units and traces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lazymmu.reports.json import run_document
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import Results
from lazymmu.scenario import load
from lazymmu.support.errors import Place
from msgspec.structs import replace

from tests.unit import examples

ARCHES = ("arm64", "s390x")
_FILES = {
    "nesting/deep": "description: x\nvary: {depth: [1, 2]}\nsteps: [{repeat: {times: $depth, steps: [enable]}}]\n",
    "nesting/plain": "description: x\nsteps: [enable, disable]\n",
    "pause/plain": "description: x\nsteps: [enable, pause, resume, disable]\n",
}

#: 4 cases, merged, on two architectures.
SIZE = 8


def selected(folder: Path) -> tuple[Unit, ...]:
    """Return the units of three scenarios in two folders, in the order of reports."""
    for name, text in _FILES.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tuple(
        Unit(scenario, number, "merged", arch)
        for scenario in load([], folder)
        for number in range(len(scenario.cases))
        for arch in ARCHES
    )


def result(unit: Unit, outcome: Outcome, reason: str = "", details: str = "") -> Result:
    """Return a result of a unit; a failure has a difference in which the reason stands."""
    trace = examples.predicted(unit)
    differences: tuple[Difference, ...] = ()
    if outcome is Outcome.FAIL:
        sides = {"predicted": "f", "observed": reason}
        differences = (Difference("step 2 disable: hooks", sides, Place(unit.scenario.path, 3, 5)),)
    observed = None if outcome in (Outcome.ERROR, Outcome.SKIP) else trace
    release = "6.12.0-test" if observed else ""
    return Result(unit, release, outcome, reason, trace, observed, 0.25, differences, details)


def finished(
    units: Sequence[Unit], outcomes: Sequence[str], *, reason: str = "why", details: str = "console"
) -> Finished:
    """Return a run whose first results have these outcomes; the others pass."""
    ends = [*map(Outcome, outcomes), *[Outcome.PASS] * (len(units) - len(outcomes))]
    results = [
        result(unit, end) if end is Outcome.PASS else result(unit, end, reason, details)
        for unit, end in zip(units, ends, strict=True)
    ]
    return Finished(
        results=kept(units, results),
        interrupted=False,
        accelerators={"arm64": ("tcg", "no KVM here"), "s390x": ("tcg", "no KVM here")},
        started=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        seconds=2.0,
    )


def kept(units: Sequence[Unit], results: Iterable[Result]) -> Results:
    """Return these results, which may be of some of the units only, as reports read them."""
    places = {unit.label(): position for position, unit in enumerate(units)}
    found = Results(units)
    for one in results:
        found.add(places[one.unit.label()], one)
    return found


def changed(run: Finished, results: Iterable[Result], **others: Any) -> Finished:
    """Return the run with these results instead."""
    return replace(run, results=kept(run.results.units, results), **others)


def interrupted(run: Finished, done: Sequence[int]) -> Finished:
    """Return the run with these of its results only."""
    return changed(run, [run.results[number] for number in done], interrupted=True)


def document(run: Finished) -> dict[str, Any]:
    """Return the JSON document of a run."""
    found: dict[str, Any] = json.loads("".join(run_document(run)))
    return found
