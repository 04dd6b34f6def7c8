# SPDX-License-Identifier: GPL-2.0-only
"""The report for a person: with colours on a terminal, the same text without colours in a log.

`rich` is imported only to show colours: for a log, the import would take longer than the report.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lazymmu.reports import ci, plain
from lazymmu.reports.plain import visible
from lazymmu.results.failure_groups import cause
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.results.run_summary import NOT_DRIVEN, NOT_TESTED, RunSummary
from lazymmu.subject.trace import Trace, compact
from lazymmu.support.workflow_commands import harmless

if TYPE_CHECKING:
    from rich.console import Console

#: Outcome -> style, the worst outcome first.
STYLES = {
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIP: "yellow",
    Outcome.KNOWN: "yellow",
    Outcome.PASS: "green",
}


class FirstOfEach:
    """Chooses which results get a line of their own: a cause that several share gets one."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def takes(self, results: Iterable[Result]) -> bool:
        """Return whether these results all passed, or one of them has a cause that none before them had."""
        causes = {cause(result) for result in results if result.outcome is not Outcome.PASS}
        new = causes - self._seen
        self._seen |= causes
        return bool(new) or not causes


class Terminal:
    """Writes lines to one stream, without wrapping, so that a log can be searched.

    If the reader goes away (`| head`), further lines are dropped, and the exit status stays that of the command.
    """

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Write to a stream, with colours if it is a terminal; `plain`: without, whatever the environment says."""
        self._stream = stream
        self._is_plain = plain
        #: True if lines can be redrawn. FORCE_COLOR gives a log colours, but does not make it a terminal.
        self.is_terminal = not plain and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._coloured = not plain and (stream.isatty() or bool(os.environ.get("FORCE_COLOR")))
        self._console: Console | None = None

    def line(self, text: str, style: str = "") -> None:
        """Print and flush one line, or several. What a terminal would obey is escaped."""
        text = harmless(visible(text))
        try:
            if self._coloured:
                from rich.text import Text

                self.console().print(Text(text, style=style))
            else:
                self._stream.write(f"{text}\n")
                self._stream.flush()
        except BrokenPipeError:
            self._drop_output()

    def marker(self, text: str) -> None:
        """Print and flush a line for a CI system, as it is."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            self._drop_output()

    def console(self) -> Console:
        """Return rich's console for the stream."""
        if self._console is None:
            from rich.console import Console

            class Piped(Console):
                def on_broken_pipe(self) -> None:
                    raise  # noqa: PLE0704  (rich calls this while it handles the error)

            self._console = Piped(file=self._stream, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return self._console

    def _drop_output(self) -> None:
        self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
        self._console = None
        # Otherwise Python's flush at exit fails again.
        os.dup2(self._stream.fileno(), sys.stdout.fileno())

    def report(self, run: RunSummary, folder: Path, *, quiet: bool = False, scenarios: bool = True) -> None:
        """Print the report of a run, with a line for each scenario unless `LiveView` printed them.

        `folder` is its results folder. `quiet`: only what is not as it should be, and the last line.
        """
        if scenarios and not quiet:
            self._scenarios(run)
        self._failures(run)
        self._known(run, quiet=quiet)
        if not quiet:
            for note in run.notes:
                self.line(note)
            for name, value in (*run.conditions(), ("results", folder)):
                self.line(f"{name}: {value}", STYLES[Outcome.SKIP] if name in (NOT_DRIVEN, NOT_TESTED) else "dim")
        self._total(run)

    def _scenarios(self, run: RunSummary) -> None:
        """Print the line of each scenario, but of one that failed only if it shows a cause for the first time."""
        system = None if self._is_plain else ci.system()
        before, after = system.section("scenarios", "scenarios on all machines") if system else ("", "")
        if before:
            self.marker(before)
        shown, results = FirstOfEach(), run.results
        for scenario, some in groupby(results.rows(), key=lambda row: row.cell.scenario_name):
            outcomes = {number: outcome for number, _, outcome in some if outcome is not None}
            bad = (results[number] for number, outcome in outcomes.items() if outcome is not Outcome.PASS)
            if outcomes and shown.takes(bad):
                self.scenario(scenario, Counter(outcomes.values()))
        if after:
            self.marker(after)

    def _failures(self, run: RunSummary) -> None:
        """Print each failure group: what explains its smallest case, and which others are in it."""
        for group in run.groups:
            first = group.first
            if first.outcome is Outcome.KNOWN:
                continue
            self.line(f"{str(first.outcome).upper()} {first.label()}", STYLES[first.outcome])
            for text in plain.explanation(run, group):
                self.line(f"    {text}")

    def _known(self, run: RunSummary, *, quiet: bool) -> None:
        for group in run.groups if not quiet else ():
            first = group.first
            if first.outcome is Outcome.KNOWN:
                more = f" and {others} more" if (others := len(group.numbers) - 1) else ""
                self.line(f"known {first.raw_outcome} {first.label()}{more}: {first.known}", STYLES[Outcome.KNOWN])
        for checked in run.known or ():
            if checked.message and (checked.is_broken or not quiet):
                style = "bold red" if checked.is_broken else ""
                self.line(f"known: {checked.issue.place}: {checked.message}", style)

    def scenario(self, name: str, counts: Mapping[Outcome, int]) -> None:
        """Print the line of a scenario with so many results of each outcome."""
        worst = next(outcome for outcome in STYLES if counts[outcome])
        ordered = {str(outcome): counts[outcome] for outcome in Outcome if counts[outcome]}
        self.line(f"{worst:5} {name}: {plain.counted(ordered)}", STYLES[worst])

    def _total(self, run: RunSummary) -> None:
        """Print the last lines: the counts, and the progress of an interrupted run."""
        counts = run.results.counts()
        bad = counts[Outcome.FAIL] or counts[Outcome.ERROR] or not counts[Outcome.PASS] or run.broken_entries()
        shown = {outcome: number for outcome, number in counts.items() if number or outcome != Outcome.KNOWN}
        of_them = f" ({flaky} flaky)" if (flaky := run.results.flaky) else ""
        self.line(f"{plain.counted(shown)}{of_them} in {run.seconds:.1f} s", "bold red" if bad else "bold green")
        if run.interrupted:
            self.line(run.progress())

    def prediction(self, unit: Unit, prediction: Trace) -> None:
        """Print the model's prediction for one unit."""
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
