# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: the selected units on guests, and their reports."""

from __future__ import annotations

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from harness import known
from harness.commands import common, record
from harness.core.case import Scenario
from harness.core.errors import INTERRUPTED, LazymmuError
from harness.core.known import Entry
from harness.core.result import Outcome, Result, Unit
from harness.images import setup as images
from harness.images.catalogue import Kernel
from harness.images.setup import Images
from harness.report import folder, json, junit, ktap
from harness.report.finished import Finished
from harness.report.target import Target, targets
from harness.report.terminal import Terminal
from harness.run import Options, repeated
from harness.run import run as run_units
from harness.scenario import load
from harness.selection import units

#: Flag -> how its report is made.
_REPORTS: dict[str, Callable[[Finished], str]] = {
    "--json": lambda run: json.text(json.run_document(run)),
    "--junit": junit.text,
    "--ktap": ktap.text,
}


def exit_status(results: Sequence[Result], *, no_skip: bool, broken_entries: bool = False) -> int:
    """Return the status that design.md's contract gives to these results.

    Known failures do not count; `broken_entries`: an entry of --known does not hold any more.
    """
    outcomes = {result.outcome for result in results if not result.known}
    if Outcome.FAIL in outcomes or broken_entries:
        return 1
    if Outcome.ERROR in outcomes or (no_skip and Outcome.SKIP in outcomes):
        return 3
    return 0 if Outcome.PASS in outcomes else 2


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the command line asks for, with every mistake in it found."""

    arguments: Namespace
    kernel: Kernel
    selected: Sequence[Unit]
    #: Of --known; None without that flag.
    entries: Sequence[Entry] | None
    #: Flag -> where its report goes.
    goals: Mapping[str, Target]
    started: datetime

    def arches(self) -> list[str]:
        """Return the architectures of what is selected."""
        return list(dict.fromkeys(unit.arch for unit in self.selected))

    def scenarios(self) -> list[Scenario]:
        """Return the scenarios of what is selected, each once."""
        return list({unit.scenario.name: unit.scenario for unit in self.selected}.values())


def _plan(arguments: Namespace) -> _Plan:
    library = common.library()
    selection = common.selection(arguments)
    kernel = common.kernel(arguments)
    selected = repeated(units(load(arguments.scenarios, library), selection), arguments.repeat)
    return _Plan(
        arguments=arguments,
        kernel=kernel,
        selected=selected,
        entries=None if arguments.known is None else known.load(arguments.known, library, selected),
        goals=targets({"--json": arguments.json, "--junit": arguments.junit, "--ktap": arguments.ktap}),
        started=datetime.now(UTC),
    )


def run(arguments: Namespace) -> int:
    """Run the selected units on guests; report them."""
    plan = _plan(arguments)
    terminal = common.human(arguments)
    with folder.opened(arguments.out, plan.started) as kept:
        facts = record.beginning(arguments, plan.started)
        kept.record(facts)
        facts["scenarios"] = kept.keep(plan.scenarios())
        prepared = images.prepare(common.cache(), plan.kernel, plan.arches(), offline=arguments.offline)
        facts |= record.images(prepared, plan.arches())
        kept.record(facts)
        finished = _run_units(plan, prepared, kept.guests, terminal)
        status = (
            INTERRUPTED
            if finished.interrupted
            else exit_status(finished.results, no_skip=arguments.no_skip, broken_entries=bool(finished.broken()))
        )
        facts |= record.end(status, datetime.now(UTC), finished.accelerators)
        writes: list[Callable[[], None]] = [partial(_finish, kept, finished, facts)]
        writes += [partial(_raise, failure) for failure in finished.log_failures[:1]]
        writes += [partial(terminal.finished, finished, kept.path)]
        writes += [partial(_report, finished, flag, goal) for flag, goal in plan.goals.items()]
        return _write(writes, status)


def _run_units(plan: _Plan, prepared: Images, logs: Path, terminal: Terminal) -> Finished:
    """Run the units, and return all that the reports are made from."""
    arguments = plan.arguments
    options = Options(timeout_scale=arguments.timeout_scale, trace=arguments.trace, logs=logs)
    begin = time.monotonic()
    with terminal.progress(len(plan.selected)) as advance:
        report = run_units(plan.selected, prepared, options, finished=advance, seed=arguments.shuffle)
    results, standings = report.results, None
    if plan.entries is not None:
        results, standings = known.judge(plan.entries, plan.selected, results, plan.started.date())
    return Finished(
        selected=plan.selected,
        results=results,
        interrupted=report.interrupted,
        log_failures=report.log_failures,
        accelerators={arch: (chosen.name, chosen.reason) for arch, chosen in report.accelerators.items()},
        started=plan.started,
        seconds=time.monotonic() - begin,
        trace=arguments.trace,
        seed=arguments.shuffle,
        known=standings,
    )


def _finish(kept: folder.Folder, finished: Finished, facts: Mapping[str, Any]) -> None:
    """Write the results folder whole: an interrupt waits until that is done."""
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        kept.finish(finished, facts)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def _raise(failure: OSError) -> None:
    """Let a guest's log that was not kept whole count as a report that could not be written."""
    raise failure


def _report(finished: Finished, flag: str, goal: Target) -> None:
    goal.write(_REPORTS[flag](finished))


def _write(writes: Sequence[Callable[[], None]], status: int) -> int:
    """Write every report that can be written, and return the status: an error when one could not be.

    That never hides a wrong implementation or an interrupt, nor the other reports.
    """
    problems = []
    for write in writes:
        try:
            write()
        except (LazymmuError, OSError) as error:
            problems.append(error)
    for problem in problems:
        print(f"lazymmu: {problem}", file=sys.stderr)
    return LazymmuError.exit_status if problems and status not in (1, INTERRUPTED) else status
