# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: the selected units on guests, and their reports."""

from __future__ import annotations

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
from harness.core.interrupts import Interrupts
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
        with Interrupts.noted() as interrupts:
            finished = _run_units(plan, prepared, kept.guests, terminal, interrupts)
            own = exit_status(finished.results, no_skip=arguments.no_skip, broken_entries=bool(finished.broken()))
            return report(own, kept, finished, facts, goals=plan.goals, terminal=terminal, interrupts=interrupts)


def _run_units(plan: _Plan, prepared: Images, logs: Path, terminal: Terminal, interrupts: Interrupts) -> Finished:
    """Run the units, and return all that the reports are made from."""
    arguments = plan.arguments
    options = Options(timeout_scale=arguments.timeout_scale, trace=arguments.trace, logs=logs)
    begin = time.monotonic()
    with terminal.progress(len(plan.selected)) as advance:
        ran = run_units(
            plan.selected, prepared, options, finished=advance, interrupts=interrupts, seed=arguments.shuffle
        )
    results, standings = ran.results, None
    if plan.entries is not None:
        results, standings = known.judge(plan.entries, plan.selected, results, plan.started.date())
    return Finished(
        selected=plan.selected,
        results=results,
        interrupted=interrupts.came,
        log_failures=ran.log_failures,
        accelerators={arch: (chosen.name, chosen.reason) for arch, chosen in ran.accelerators.items()},
        started=plan.started,
        seconds=time.monotonic() - begin,
        trace=arguments.trace,
        seed=arguments.shuffle,
        known=standings,
    )


def report(
    own: int,
    kept: folder.Folder,
    finished: Finished,
    facts: Mapping[str, Any],
    *,
    goals: Mapping[str, Target],
    terminal: Terminal,
    interrupts: Interrupts,
) -> int:
    """Write every report that can be written, and return the exit status, which run.json says, too.

    `own` is the status that the results have by themselves, `facts` what run.json says so far.
    """

    def status(problems: Sequence[Exception]) -> int:
        """Return the status: what could not be written never hides a wrong implementation or an interrupt."""
        if interrupts.came:
            return INTERRUPTED
        return LazymmuError.exit_status if problems and own != 1 else own

    first = status(finished.log_failures)
    facts = {**facts, **record.end(first, datetime.now(UTC), finished.accelerators)}
    outputs = [
        partial(_shown, interrupts, "the report on the terminal", partial(terminal.finished, finished, kept.path))
    ]
    outputs += [partial(_written, interrupts, finished, flag, goal) for flag, goal in goals.items()]

    of_folder = _problems([partial(kept.finish, finished, facts)])
    # The logs stand in the same folder: a full disk is told once.
    problems = [*(of_folder or finished.log_failures[:1]), *_problems(outputs)]
    last = status(problems)
    if last != first:
        again = _problems([partial(kept.record, {**facts, "status": last})])
        problems += [] if of_folder else again
    for problem in problems:
        print(f"lazymmu: {problem}", file=sys.stderr)
    return last


def _written(interrupts: Interrupts, finished: Finished, flag: str, goal: Target) -> None:
    """Write one report to where its flag says."""
    text = _REPORTS[flag](finished)
    if goal.regular():
        goal.write(text)
    else:
        _shown(interrupts, f"{flag} `{goal.name}`", partial(goal.write, text))


def _shown(interrupts: Interrupts, what: str, write: Callable[[], None]) -> None:
    """Write to where somebody has to read; an interrupt gives it up when nobody does."""
    try:
        with interrupts.not_for_ever():
            write()
    except KeyboardInterrupt:
        raise LazymmuError(f"{what} was not written whole: interrupted") from None


def _problems(writes: Sequence[Callable[[], None]]) -> list[LazymmuError | OSError]:
    """Write each of these, and return what went wrong: it costs no other."""
    problems: list[LazymmuError | OSError] = []
    for write in writes:
        try:
            write()
        except (LazymmuError, OSError) as error:
            problems.append(error)
    return problems
