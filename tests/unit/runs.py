# SPDX-License-Identifier: GPL-2.0-only
"""Finished runs for the tests of reports, made of real scenarios, units and traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.core.errors import Place
from harness.core.result import Difference, Outcome, Result, Unit
from harness.model import predict
from harness.report.finished import Finished
from harness.scenario import load

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
        Unit(scenario, case, "merged", arch)
        for scenario in load([], folder)
        for case in scenario.cases
        for arch in ARCHES
    )


def result(unit: Unit, outcome: Outcome, reason: str = "", details: str = "") -> Result:
    """Return a result of a unit; a failure has a difference in which the reason stands."""
    trace = predict(unit.case, unit.api, unit.arch)
    differences: tuple[Difference, ...] = ()
    if outcome is Outcome.FAIL:
        sides = {"predicted": "f", "observed": reason}
        differences = (Difference("step 2 disable: hooks", sides, Place(unit.scenario.path, 3, 5)),)
    observed = None if outcome in (Outcome.ERROR, Outcome.SKIP) else trace
    release = "6.12.0-test" if observed else ""
    return Result(unit, "module", "lts", release, outcome, reason, trace, observed, 0.25, differences, details)


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
        selected=units,
        results=results,
        interrupted=False,
        accelerators={"arm64": ("tcg", "no KVM here"), "s390x": ("tcg", "no KVM here")},
        started=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        seconds=2.0,
    )


def interrupted(run: Finished, done: Sequence[int]) -> Finished:
    """Return the run with these of its results only."""
    return replace(run, results=[run.results[number] for number in done], interrupted=True)
