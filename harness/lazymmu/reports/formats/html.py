# SPDX-License-Identifier: GPL-2.0-only
"""One page for a browser: scenarios by machine, and the reason of each failure. It loads nothing else."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from lazymmu.reports import reproduce
from lazymmu.reports.plain import counted, explanation, filled
from lazymmu.reports.terminal import STYLES
from lazymmu.results.result import SavedUnit, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore

NAME = "html"
FLAG = "--html"
HELP = "write results as a page for a browser; - is standard output"

_NOT_RUN = "not run"


def write(run: RunSummary, file: TextIO) -> None:
    """Write the page."""
    results, counts = run.results, run.results.counts()
    numbers = {result.number: number for number, group in enumerate(run.groups, 1) for result in group.results}
    #: Scenario and column: what is under test, and the machine.
    units: dict[tuple[str, tuple[str, str]], list[Unit | SavedUnit]] = {}
    for unit in results.units:
        units.setdefault((unit.scenario_name, (unit.under_test(), unit.machine)), []).append(unit)
    parts = filled(
        Path(__file__).with_name("page.html.jinja"),
        run=run,
        command=shlex.join(run.facts["command"]),
        counts=[(outcome, counts[outcome]) for outcome in STYLES if counts[outcome]],
        columns=sorted({column for _, column in units}),
        scenarios=dict.fromkeys(scenario for scenario, _ in units),
        cells={place: _cell(results, of_cell, numbers) for place, of_cell in units.items()},
        groups=run.groups,
        explanation=explanation,
        reproduce=reproduce.line,
    )
    file.writelines(parts)


def _cell(results: ResultStore, units: Sequence[Unit | SavedUnit], groups: Mapping[int, int]) -> Mapping[str, object]:
    """Return the worst outcome of these units, a text, and the number of the first failure group among them."""
    counts = Counter(str(results[unit.index].outcome) if unit.index in results else _NOT_RUN for unit in units)
    worst_first = {outcome: counts[outcome] for outcome in [*STYLES, _NOT_RUN] if counts[outcome]}
    worst = next(iter(worst_first))
    return {
        "outcome": worst,
        "text": worst if len(units) == 1 else counted(worst_first),
        "group": next((groups[unit.index] for unit in units if unit.index in groups), None),
    }
