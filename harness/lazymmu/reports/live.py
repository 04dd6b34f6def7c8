# SPDX-License-Identifier: GPL-2.0-only
"""Shows a run while it is under way.

On a terminal it draws a line for each machine, with the first result of each cause of a failure above. A log
gets a line as each scenario ends on a machine, but one that failed only if it shows a cause for the first time.

Machines report from their own threads. A terminal that cannot be written must not cost a result.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from lazymmu.reports import ci
from lazymmu.reports.plain import counted, first_line, visible
from lazymmu.reports.terminal import STYLES, FirstOfEach, Terminal
from lazymmu.results.result import Outcome, Result
from lazymmu.results.store import ResultStore

if TYPE_CHECKING:
    from rich.console import Group

#: How many times a second the lines are drawn.
_RATE = 8
#: The last activity of a machine.
_DONE = "done"


class _Machine(Struct):
    """The line of a machine: its activity, and the times of its begin and its end."""

    activity: str
    begun: float
    ended: float | None = None


def logs_scenarios(terminal: Terminal, results: ResultStore) -> bool:
    """Return whether a log has the report's lines of scenarios already, as it does after a run on one machine."""
    return not terminal.is_terminal and len(results.machines) == 1


class LiveView:
    """The view of a run until its report. Any thread may call its methods."""

    def __init__(
        self,
        terminal: Terminal,
        results: ResultStore,
        *,
        status: Callable[[], str] = str,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        """View a run that adds to `results`; `verbose`: each unit as it ends, `quiet`: nothing.

        `status` returns a line to draw below those of the machines, empty for none.
        """
        self._status = status
        self._terminal = terminal
        self._verbose = verbose
        self._is_drawn = terminal.is_terminal and not quiet
        self._is_logged = not terminal.is_terminal and not quiet
        self._lock = threading.Lock()
        left = [cell for _, cell, outcome in results.rows() if outcome is None]
        self._total = Counter(cell.machine for _, cell, _ in results.rows())
        self._done = Counter(result.machine for result in results)
        #: Machine and scenario -> units without a result, and the results of the others until they are shown.
        self._left = Counter((cell.machine, cell.scenario_name) for cell in left)
        self._ended: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
        self._counts: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        for result in results:
            self._ended[result.machine, result.scenario_name].append(result)
            self._counts[result.machine][result.outcome] += 1
        self._shown = FirstOfEach()
        # A section of a CI system's log has the lines of one machine, so they wait for its end.
        self._system = ci.system() if self._is_logged else None
        self._held: defaultdict[str, list[tuple[str, Counter[Outcome]]]] = defaultdict(list)
        self._machines = {cell.machine: _Machine("waiting", time.monotonic()) for cell in left}

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """Show the view for the length of a `with`, and restore the terminal."""
        if not self._is_drawn:
            # Those of an earlier run, before those that an interrupt left without all of their results.
            for key in [key for key in self._ended if not self._left[key]]:
                self._log_scenario(*key)
            yield self
            for key in [key for key, left in self._left.items() if left and self._ended[key]]:
                self._log_scenario(*key)
            for machine in [*self._held]:
                self._log_section(machine)
            return
        from rich.live import Live

        console = self._terminal.console()
        with Live(console=console, get_renderable=self._drawing, refresh_per_second=_RATE, transient=True):
            yield self

    def changed(self, machine: str, activity: str) -> None:
        """Note the activity of a machine, such as `arm64` or `arm64 current #2`, in a few words; the last is `done`."""
        with self._lock:
            line = self._machines.setdefault(machine, _Machine(activity, time.monotonic()))
            line.activity = activity
            line.ended = time.monotonic() if activity == _DONE else None

    def show_result(self, result: Result) -> None:
        """Count a result, and show it if it is not a pass or if all are shown."""
        with self._lock:
            self._done[result.machine] += 1
            key = (result.machine, result.scenario_name)
            self._ended[key].append(result)
            self._counts[result.machine][result.outcome] += 1
            self._left[key] -= 1
            is_last = self._left[key] == 0
            is_new = self._is_drawn and result.outcome is not Outcome.PASS and self._shown.takes([result])
        if self._verbose or is_new:
            # If the terminal is gone or the log is full, the report at the end says so.
            with suppress(OSError):
                self._terminal.line(_line(result), STYLES[result.outcome])
        if is_last:
            self._log_scenario(*key)
        if self._done[result.machine] == self._total[result.machine] and result.machine in self._held:
            self._log_section(result.machine)

    def _log_scenario(self, machine: str, scenario: str) -> None:
        with self._lock:
            results = self._ended.pop((machine, scenario))
            if not self._is_logged or not self._shown.takes(results):
                return
        where = f" on {machine}" if len(self._total) > 1 else ""
        name, counts = f"{scenario}{where}", Counter(result.outcome for result in results)
        if self._system is not None:
            with self._lock:
                self._held[machine].append((name, counts))
            return
        with suppress(OSError):
            self._terminal.scenario(name, counts)

    def _log_section(self, machine: str) -> None:
        """Log the scenarios of a machine as a section of the CI system's log."""
        assert self._system is not None  # noqa: S101  (nothing is held without one)
        with self._lock, suppress(OSError):
            # Another thread may have logged it.
            if (held := self._held.pop(machine, None)) is None:
                return
            counts_of_all = {str(outcome): number for outcome, number in sorted(self._counts[machine].items())}
            before, after = self._system.section(machine, f"{machine}: {counted(counts_of_all)}")
            self._terminal.marker(before)
            for name, counts in held:
                self._terminal.scenario(name, counts)
            self._terminal.marker(after)

    def _drawing(self) -> Group:
        from rich.console import Group
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        now = time.monotonic()
        with self._lock:
            for name, line in self._machines.items():
                # The first worker of a machine shows the count of all.
                count = f"{self._done[name]}/{self._total[name]}" if name in self._total else ""
                seconds = (line.ended or now) - line.begun
                table.add_row(name, visible(first_line(line.activity)), count, f"{seconds:.1f} s")
        return Group(table, *filter(None, [self._status()]))


def _line(result: Result) -> str:
    word = f"known {result.raw_outcome}" if result.known else str(result.outcome)
    reason = f"{'flaky: ' if result.flaky else ''}{first_line(result.known or result.reason)}"
    return f"{word:5} {result.label()} ({result.seconds:.2f} s){f': {reason}' if reason else ''}"
