# SPDX-License-Identifier: GPL-2.0-only
"""The report for a person: colours on a terminal, the same text as plain lines in a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TextIO

from lazymmu.reports import plain
from lazymmu.reports.live import View
from lazymmu.reports.screen import Screen
from lazymmu.reports.styles import STYLES
from lazymmu.results.failure_groups import causes
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import Results
from lazymmu.subject.trace import Skip, Trace, compact

# Units with the same reason that are named one by one.
_NAMED = 40


class Terminal:
    """Writes to one stream."""

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Write to a stream, with colours where it is a terminal; `plain`: without, whatever the environment says."""
        self._screen = Screen(stream, plain=plain)

    @contextmanager
    def view(self, results: Results, *, quiet: bool = False, verbose: bool = False) -> Iterator[View]:
        """Show a run as it goes on, for the length of a `with`; yield what is to be told of it."""
        with View(self._screen, results, quiet=quiet, verbose=verbose).shown() as view:
            yield view

    def line(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._screen.line(text, style)

    def _difference(self, difference: Difference) -> None:
        for text in plain.difference(difference):
            self.line(f"    {text}")

    def finished(self, run: Finished, folder: Path, *, quiet: bool = False) -> None:
        """Print the report of a run; `folder` is where more of it stands.

        `quiet`: what is not as it should be, and the last line.
        """
        if not quiet:
            self._scenarios(run.results)
        self._troubles(run.results)
        self._known(run, quiet=quiet)
        if not quiet:
            self._facts(run, folder)
        self._total(run)

    def _troubles(self, results: Results) -> None:
        """Print what a person needs to act on results that are not passes; the same error is told once."""
        told = [positions for positions in causes(results) if not results.known(positions[0])]
        for first, *_ in told:
            self._trouble(results[first])
        for first, *others in told:
            if others:
                self.line(f"the same ({plain.first_line(results[first].reason)}) in {len(others)} more:")
                units = [results.units[position] for position in others]
                # A machine that cannot be had has all of them; the results folder names each.
                machines = Counter(unit.machine for unit in units)
                counted = [f"{number} on {machine}" for machine, number in machines.items()]
                for line in [unit.label() for unit in units] if len(units) <= _NAMED else counted:
                    self.line(f"    {line}")

    def _trouble(self, result: Result) -> None:
        self.line(f"{str(result.outcome).upper()} {result.unit.label()}", STYLES[result.outcome])
        for text in plain.explanation(result):
            self.line(f"    {text}")

    def _known(self, run: Finished, *, quiet: bool) -> None:
        """Print which failures are known, and which entries of --known do not say what is so."""
        for position in run.results.positions() if not quiet else ():
            if run.results.known(position):
                result = run.results[position]
                self.line(f"known {result.outcome} {result.unit.label()}: {result.known}", STYLES["known"])
        for standing in run.known or ():
            if standing.message and (standing.broken or not quiet):
                self.line(f"known: {standing.entry.place}: {standing.message}", "bold red" if standing.broken else "")

    def _scenarios(self, results: Results) -> None:
        """Print one line for each scenario: how many of its cases ended how."""

        def name(position: int) -> str:
            return results.units[position].scenario.name

        for scenario, group in groupby(results.positions(), key=name):
            counts = {outcome: number for outcome, number in results.apart(group).items() if number}
            worst = next(outcome for outcome in STYLES if outcome in counts)
            self.line(f"{worst:5} {scenario}: {plain.counted(counts)}", STYLES[worst])

    def _facts(self, run: Finished, folder: Path) -> None:
        """Print what ran, and where more stands."""
        for machine, (name, reason) in run.accelerators.items():
            self.line(f"{machine}: {name} ({reason})", "dim")
        self.line(f"kernels: {', '.join(run.releases()) or 'none answered'}", "dim")
        if run.seed is not None:
            self.line(f"shuffled: --shuffle {run.seed} gives this order again", "dim")
        self.line(f"results: {folder}", "dim")

    def _total(self, run: Finished) -> None:
        """Print the last lines: how it ended."""
        counts = run.results.apart()
        bad = counts["fail"] or counts["error"] or not counts["pass"] or run.broken()
        shown = {name: number for name, number in counts.items() if number or name != "known"}
        self.line(f"{plain.counted(shown)} in {run.seconds:.1f} s", "bold red" if bad else "bold green")
        if run.interrupted:
            self.line(run.left())

    def prediction(self, unit: Unit, trace: Trace | Skip) -> None:
        """Print what the model says of one unit."""
        if isinstance(trace, Skip):
            self.line(f"{unit.label()}: skip: {trace.reason} ({trace.step.place})", STYLES[Outcome.SKIP])
            return
        states = "; ".join(
            f"{task}: {', '.join(f'{name} {int(value)}' for name, value in state.items())}"
            for task, state in trace.tasks.items()
        )
        self.line(f"{unit.label()}: hooks {compact(trace.hooks)}; {states}")

    def broken_pin(self, unit: Unit, difference: Difference) -> None:
        """Print an author's pin that the model does not bear out."""
        self.line(f"FAIL {unit.label()}", STYLES[Outcome.FAIL])
        self._difference(difference)
