# SPDX-License-Identifier: GPL-2.0-only
"""A run as it goes on: a line for each machine on a terminal, what is no pass above them; in a log what is asked for.

What machines say comes from their threads, and nothing that a terminal does may cost them a result.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from lazymmu.reports.plain import first_line, visible
from lazymmu.reports.screen import Screen
from lazymmu.reports.styles import STYLES
from lazymmu.results.result import Outcome, Result
from lazymmu.results.store import Results

if TYPE_CHECKING:
    from rich.table import Table

#: Times a second that the machines' lines are drawn.
_RATE = 8
#: What a machine says last.
_DONE = "done"


class _Machine(Struct):
    """One line: what a machine does, since when the run knows it, and when it came to its end."""

    what: str
    begun: float
    ended: float | None = None


class View:
    """What a run shows before its report. Its methods may be called by any thread."""

    def __init__(self, screen: Screen, results: Results, *, quiet: bool = False, verbose: bool = False) -> None:
        """Show a run that adds to `results`; `verbose`: each unit as it ends, `quiet`: nothing."""
        self._screen = screen
        self._verbose = verbose
        self._drawn = screen.is_terminal and not quiet
        self._lock = threading.Lock()
        self._total = Counter(unit.machine for unit in results.units)
        self._done = Counter(results.units[position].machine for position in results.positions())
        waiting = dict.fromkeys(results.units[position].machine for position in results.left())
        self._machines = {machine: _Machine("waiting", time.monotonic()) for machine in waiting}

    @contextmanager
    def shown(self) -> Iterator[Self]:
        """Show it for the length of a `with`; the terminal is as it was at the end, however that comes."""
        if not self._drawn:
            yield self
            return
        from rich.live import Live  # noqa: PLC0415  (costs time that a log does not have)

        with Live(console=self._screen.console(), get_renderable=self._table, refresh_per_second=_RATE, transient=True):
            yield self

    def changed(self, machine: str, what: str) -> None:
        """Note what a machine does now: `arm64` or `arm64 current #2`, and a few words, the last time `done`."""
        with self._lock:
            if machine not in self._machines:
                self._machines[machine] = _Machine(what, time.monotonic())
            one = self._machines[machine]
            one.what = what
            one.ended = time.monotonic() if what == _DONE else None

    def ended(self, result: Result) -> None:
        """Note the result of a unit; it is shown when it is no pass, or when everything is."""
        with self._lock:
            self._done[result.unit.machine] += 1
        if self._verbose or (self._drawn and result.outcome is not Outcome.PASS):
            # A terminal that is gone, or a log that is full, is told of with the report.
            with suppress(OSError):
                self._screen.line(_line(result), STYLES["known" if result.known else result.outcome])

    def _table(self) -> Table:
        """Return the machines' lines."""
        from rich.table import Table  # noqa: PLC0415  (as above)

        table = Table.grid(padding=(0, 2))
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        now = time.monotonic()
        with self._lock:
            for name, one in self._machines.items():
                # Those of all its workers stand beside the first.
                count = f"{self._done[name]}/{self._total[name]}" if name in self._total else ""
                seconds = (one.ended or now) - one.begun
                table.add_row(name, visible(first_line(one.what)), count, f"{seconds:.1f} s")
        return table


def _line(result: Result) -> str:
    """Return one line on how a unit ended."""
    word = f"known {result.outcome}" if result.known else str(result.outcome)
    why = first_line(result.known or result.reason)
    return f"{word:5} {result.unit.label()} ({result.seconds:.2f} s){f': {why}' if why else ''}"
