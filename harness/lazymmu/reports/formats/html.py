# SPDX-License-Identifier: GPL-2.0-only
"""One page for a browser: scenarios by machine, and the reason of each failure. It loads nothing else."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TextIO

from lazymmu.reports.plain import counted, explanation
from lazymmu.reports.template import filled
from lazymmu.reports.terminal import STYLES
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore

NAME = "html"
FLAG = "--html"
HELP = "write results as a page for a browser; - is standard output"

_NOT_RUN = "not run"


def write(run: RunSummary, file: TextIO) -> None:
    """Write the page."""
    results, counts = run.results, run.results.counts()
    columns = sorted({_column(unit) for unit in results.units})
    groups = results.failure_groups()
    numbers = {result.number: number for number, group in enumerate(groups, 1) for result in group}
    parts = filled(
        Path(__file__).with_name("page.html.jinja"),
        counts=[(outcome, counts[outcome]) for outcome in STYLES if counts[outcome]],
        progress=run.progress(),
        facts=_facts(run),
        columns=columns,
        rows=_rows(results, columns, numbers),
        groups=groups,
        explanation=explanation,
        issues=run.known or (),
    )
    file.writelines(parts)


def _column(unit: Unit) -> tuple[str, str]:
    """Return the heading of a unit's column: what is under test, and the machine."""
    return unit.under_test(), unit.machine


def _facts(run: RunSummary) -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(run.facts["command"])
    yield "commit", run.facts["commit"] or "none"
    yield "started", run.started.isoformat(sep=" ", timespec="seconds")
    yield "took", f"{run.seconds:.1f} s"
    yield from run.conditions()


def _rows(
    results: ResultStore, columns: Sequence[tuple[str, str]], groups: Mapping[int, int]
) -> Iterator[tuple[str, list[Mapping[str, object] | None]]]:
    """Yield each scenario's name, and its cells; None where it has no units."""
    for scenario, of_scenario in groupby(results.units, key=lambda unit: unit.scenario.name):
        units: dict[tuple[str, str], list[Unit]] = {}
        for unit in of_scenario:
            units.setdefault(_column(unit), []).append(unit)
        yield scenario, [_cell(results, units[column], groups) if column in units else None for column in columns]


def _cell(results: ResultStore, units: Sequence[Unit], groups: Mapping[int, int]) -> Mapping[str, object]:
    """Return the worst outcome of these units, a text, and the number of the first failure group among them."""
    counts = Counter(str(results[unit.index].outcome) if unit.index in results else _NOT_RUN for unit in units)
    worst_first = {outcome: counts[outcome] for outcome in [*STYLES, _NOT_RUN] if counts[outcome]}
    worst = next(iter(worst_first))
    return {
        "outcome": worst,
        "text": worst if len(units) == 1 else counted(worst_first),
        "group": next((groups[unit.index] for unit in units if unit.index in groups), None),
    }
