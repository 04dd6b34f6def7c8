# SPDX-License-Identifier: GPL-2.0-only
"""The report for a person: colours on a terminal, the same text as plain lines in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TimeElapsedColumn
from rich.text import Text

from harness.core.result import Difference, Outcome, Result, Unit
from harness.core.trace import Trace, compact
from harness.report import plain
from harness.report.finished import Finished
from harness.report.json import summary

#: How results are shown; the worst comes first.
_STYLES = {"fail": "bold red", "error": "bold magenta", "skip": "yellow", "known": "yellow", "pass": "green"}


class _Console(Console):
    """A console whose reader may go away (`| head`): the rest goes nowhere, and the exit status stays ours."""

    def on_broken_pipe(self) -> None:
        self.file = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
        # What Python flushes at its end would fail again.
        os.dup2(self.file.fileno(), sys.stdout.fileno())


class Terminal:
    """Writes to one stream; wrapping and guessing of colours are off, so that a log can be searched."""

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Write to a stream, with colours where it is a terminal; `plain`: without, whatever the environment says."""
        self._console = _Console(
            file=stream,
            soft_wrap=True,
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=False if plain else None,
            color_system=None if plain else "auto",
        )

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar on a terminal, nothing in a log; yield what to call at each of `total` steps."""
        columns = ("{task.completed}/{task.total}", BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)

    def line(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text(text, style=style))

    def _difference(self, difference: Difference) -> None:
        for text in plain.difference(difference):
            self.line(f"    {text}")

    def finished(self, run: Finished, folder: Path) -> None:
        """Print the whole report of a run; `folder` is where more of it stands."""
        self._scenarios(run.results)
        self._troubles(run.results)
        self._known(run)
        self._total(run, folder)

    def _troubles(self, results: Sequence[Result]) -> None:
        """Print what a person needs to act on results that are not passes; the same error is told once."""
        told: dict[tuple[str, str], list[str]] = {}
        for result in results:
            cause = (result.reason, result.details)
            if result.outcome is Outcome.PASS or result.known:
                continue
            if result.differences or cause not in told:
                self._trouble(result)
                told[cause] = []
            else:
                told[cause].append(result.unit.label())
        for (reason, _), labels in told.items():
            if labels:
                self.line(f"the same ({reason.splitlines()[0]}) in {len(labels)} more:")
                for label in labels:
                    self.line(f"    {label}")

    def _trouble(self, result: Result) -> None:
        self.line(f"{str(result.outcome).upper()} {result.unit.label()}", _STYLES[result.outcome])
        for text in plain.explanation(result):
            self.line(f"    {text}")

    def _known(self, run: Finished) -> None:
        """Print which failures are known, and which entries of --known do not say what is so."""
        for result in run.results:
            if result.known:
                self.line(f"known {result.outcome} {result.unit.label()}: {result.known}", "yellow")
        for standing in run.known or ():
            if standing.message:
                self.line(f"known: {standing.entry.place}: {standing.message}", "bold red" if standing.broken else "")

    def _scenarios(self, results: Sequence[Result]) -> None:
        """Print one line for each scenario: how many of its cases ended how."""
        for name, group in groupby(results, key=lambda result: result.unit.scenario.name):
            counts = {outcome: number for outcome, number in _apart(list(group)).items() if number}
            worst = next(outcome for outcome in _STYLES if outcome in counts)
            self.line(f"{worst:5} {name}: {_counted(counts)}", _STYLES[worst])

    def _total(self, run: Finished, folder: Path) -> None:
        """Print the last lines: what ran, where more stands, and how it ended."""
        for arch, (name, reason) in run.accelerators.items():
            self.line(f"{arch}: {name} ({reason})", "dim")
        self.line(f"kernels: {', '.join(run.releases()) or 'none answered'}", "dim")
        if run.seed is not None:
            self.line(f"shuffled: --shuffle {run.seed} gives this order again", "dim")
        self.line(f"results: {folder}", "dim")
        counts = _apart(run.results)
        bad = counts["fail"] or counts["error"] or not counts["pass"] or run.broken()
        shown = {name: number for name, number in counts.items() if number or name != "known"}
        self.line(f"{_counted(shown)} in {run.seconds:.1f} s", "bold red" if bad else "bold green")
        if run.interrupted:
            self.line(run.left())

    def prediction(self, unit: Unit, trace: Trace) -> None:
        """Print what the model says of one unit."""
        states = "; ".join(
            f"{task}: {', '.join(f'{name} {int(value)}' for name, value in state.items())}"
            for task, state in trace.tasks.items()
        )
        self.line(f"{unit.label()}: hooks {compact(trace.hooks)}; {states}")

    def broken_pin(self, unit: Unit, difference: Difference) -> None:
        """Print an author's pin that the model does not bear out."""
        self.line(f"FAIL {unit.label()}", _STYLES[Outcome.FAIL])
        self._difference(difference)


def _apart(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results there are of each outcome, known failures apart."""
    counts = summary([result for result in results if not result.known])
    return {**counts, "known": sum(bool(result.known) for result in results)}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
