# SPDX-License-Identifier: GPL-2.0-only
"""Run summaries for the tests of reports, made of real scenarios, units and traces."""

import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lazymmu.reports.formats import FORMATS
from lazymmu.results.known_issues import KnownIssue
from lazymmu.results.result import Difference, Outcome, Result, SavedUnit, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
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
#: The first results of a run with every outcome.
EVERY_OUTCOME = ("fail", "error", "skip", "fail", "error")

#: What breaks writers of XML and JSON: controls, halves of surrogate pairs, non-characters, and markup.
HOSTILE = "\x00\x08\x0b\x0c\x1b\x7f\x85\u2028\ufffd\ufffe\uffff\ud800\udfff\U0001ffff&<>]'\"\r\n\t"
HOSTILE_TEXTS = st.text(st.one_of(st.characters(), st.characters(categories=("Cc", "Cs")), st.sampled_from(HOSTILE)))


def selected(folder: Path) -> tuple[Unit, ...]:
    """Return the units of three scenarios in two folders, in the order of reports."""
    for name, text in _FILES.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return loaded(folder)


def loaded(folder: Path) -> tuple[Unit, ...]:
    """Return the units of the scenarios in a folder."""
    return numbered(
        Unit(scenario, number, "merged", arch)
        for scenario in load([], folder)
        for number in range(len(scenario.cases))
        for arch in ARCHES
    )


def numbered(units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Return these units as a selection."""
    return tuple(replace(unit, index=index) for index, unit in enumerate(units))


def result(unit: Unit, outcome: Outcome | str, reason: str = "", details: str = "") -> Result:
    """Return a result of a unit; a failure has a difference with the reason."""
    trace = examples.predicted(unit)
    sides = {"predicted": "f", "observed": utf8(reason)}
    difference = Difference("step 2 disable: hooks", sides, Place(unit.scenario.path, 3, 5), "disable", "hooks")
    return Result.of(
        unit,
        Outcome(outcome),
        reason,
        release="" if outcome in ("error", "skip") else "6.12.0-test",
        predicted=trace,
        observed=None if outcome in ("error", "skip") else trace,
        seconds=0.25,
        parts=(difference,) if outcome == "fail" else (),
        details=details,
    )


def utf8(text: str) -> str:
    """Return the text as a result has it."""
    return text.encode("utf-8", "backslashreplace").decode()


def summary(
    units: Sequence[Unit], outcomes: Sequence[str], *, reason: str = "why", details: str = "console"
) -> RunSummary:
    """Return a run whose first results have these outcomes; the others pass."""
    outcomes = [*outcomes, *["pass"] * (len(units) - len(outcomes))]
    results = [
        result(unit, outcome) if outcome == "pass" else result(unit, outcome, reason, details)
        for unit, outcome in zip(units, outcomes, strict=True)
    ]
    return RunSummary(
        results=store(units, results),
        interrupted=False,
        accelerators={"arm64": ("tcg", "no KVM here"), "s390x": ("tcg", "no KVM here")},
        started=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        seconds=2.0,
        facts={"command": ["lazymmu", "run", "nesting"], "commit": "0123abcd-dirty"},
    )


def store(units: Sequence[Unit | SavedUnit], results: Iterable[Result]) -> ResultStore:
    """Return a store with these results."""
    found = ResultStore(units)
    for one in results:
        found.add(one)
    return found


def units(run: RunSummary) -> list[Unit | SavedUnit]:
    """Return the units that a run selected."""
    return [run.results.unit(row.number) for row in run.results.rows()]


def known(run: RunSummary, *numbers: int) -> list[Result]:
    """Return the results of a run, with these as known failures."""
    return [replace(one, known="bug 7") if one.number in numbers else one for one in run.results]


def issue(**changes: Any) -> KnownIssue:
    """Return an entry of a file of known failures."""
    values: dict[str, Any] = {"place": Place("known.yaml", 1, 3), "scenario": "nesting/*", "case": {}, "names": {}}
    values |= {"outcome": Outcome.FAIL, "reason": "bug 7", "expires": date(2030, 1, 1)}
    return KnownIssue(**{**values, **changes})


def changed(run: RunSummary, results: Iterable[Result], **others: Any) -> RunSummary:
    """Return the run with these results instead."""
    return replace(run, results=store(units(run), results), **others)


def interrupted(run: RunSummary, done: Sequence[int]) -> RunSummary:
    """Return the run with these of its results only."""
    return changed(run, [run.results[number] for number in done], interrupted=True)


def written(name: str, run: RunSummary) -> str:
    """Return the report of a run in a format."""
    file = io.StringIO()
    FORMATS[name].write(run, file)
    return file.getvalue()


def document(run: RunSummary) -> dict[str, Any]:
    """Return the JSON document of a run."""
    found: dict[str, Any] = json.loads(written("json", run))
    return found
