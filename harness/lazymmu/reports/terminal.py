# SPDX-License-Identifier: GPL-2.0-only
"""The report for a person: with colours on a terminal, the same text without colours in a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from lazymmu.reports import plain
from lazymmu.reports.screen import STYLES, Screen
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.subject.trace import Skip, Trace, compact

# A larger group of units with the same reason is only counted by machine.
_MAX_LABELS = 40


class Terminal(Screen):
    """A screen with the reports of commands."""

    def report(self, run: RunSummary, folder: Path, *, quiet: bool = False) -> None:
        """Print the report of a run; `folder` is its results folder.

        `quiet`: only what is not as it should be, and the last line.
        """
        if not quiet:
            self._scenarios(run.results)
        self._failures(run.results)
        self._known(run, quiet=quiet)
        if not quiet:
            self._facts(run, folder)
        self._total(run)

    def _failures(self, results: ResultStore) -> None:
        """Print each failure group: what explains its first result, and which other units are in it."""
        groups = [group for group in results.failure_groups() if group[0].outcome is not Outcome.KNOWN]
        for first, *_ in groups:
            self.line(f"{str(first.outcome).upper()} {first.label()}", STYLES[first.outcome])
            for text in plain.explanation(first):
                self.line(f"    {text}")
        for first, *others in groups:
            if others:
                self.line(f"the same ({plain.first_line(first.reason)}) in {len(others)} more:")
                for line in _labels(others):
                    self.line(f"    {line}")

    def _known(self, run: RunSummary, *, quiet: bool) -> None:
        for result in run.results if not quiet else ():
            if result.outcome is Outcome.KNOWN:
                text = f"known {result.raw_outcome} {result.label()}: {result.known}"
                self.line(text, STYLES[Outcome.KNOWN])
        for checked in run.known or ():
            if checked.message and (checked.is_broken or not quiet):
                style = "bold red" if checked.is_broken else ""
                self.line(f"known: {checked.issue.place}: {checked.message}", style)

    def _scenarios(self, results: ResultStore) -> None:
        for scenario, group in groupby(results, key=lambda result: result.scenario_name):
            counts = Counter(result.outcome for result in group)
            worst = next(outcome for outcome in STYLES if counts[outcome])
            ordered = {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}
            self.line(f"{worst:5} {scenario}: {plain.counted(ordered)}", STYLES[worst])

    def _facts(self, run: RunSummary, folder: Path) -> None:
        for machine, (name, reason) in run.accelerators.items():
            self.line(f"{machine}: {name} ({reason})", "dim")
        self.line(f"kernels: {', '.join(run.results.releases) or 'none answered'}", "dim")
        if run.seed is not None:
            self.line(f"shuffled: --shuffle {run.seed} repeats this order", "dim")
        self.line(f"results: {folder}", "dim")

    def _total(self, run: RunSummary) -> None:
        """Print the last lines: the counts, and the progress of an interrupted run."""
        counts = run.results.counts()
        bad = counts[Outcome.FAIL] or counts[Outcome.ERROR] or not counts[Outcome.PASS] or run.broken_entries()
        shown = {outcome: number for outcome, number in counts.items() if number or outcome != Outcome.KNOWN}
        self.line(f"{plain.counted(shown)} in {run.seconds:.1f} s", "bold red" if bad else "bold green")
        if run.interrupted:
            self.line(run.progress())

    def prediction(self, unit: Unit, prediction: Trace | Skip) -> None:
        """Print the model's prediction for one unit."""
        if isinstance(prediction, Skip):
            text = f"{unit.label()}: skip: {prediction.reason} ({prediction.step.place})"
            self.line(text, STYLES[Outcome.SKIP])
            return
        states = "; ".join(
            f"{task}: {', '.join(f'{name} {int(value)}' for name, value in state.items())}"
            for task, state in prediction.tasks.items()
        )
        self.line(f"{unit.label()}: hooks {compact(prediction.hooks)}; {states}")

    def broken_pin(self, unit: Unit, difference: Difference) -> None:
        """Print an author's pin that does not hold in the model."""
        self.line(f"FAIL {unit.label()}", STYLES[Outcome.FAIL])
        for text in plain.difference(difference):
            self.line(f"    {text}")


def _labels(results: Sequence[Result]) -> list[str]:
    """Return the label of each result, or of many results the number on each machine."""
    if len(results) <= _MAX_LABELS:
        return [result.label() for result in results]
    machines = Counter(result.machine for result in results)
    return [f"{number} on {machine}" for machine, number in machines.items()]
