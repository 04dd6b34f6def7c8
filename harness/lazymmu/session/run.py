# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: the selected units on guests, and their reports."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from lazymmu.guests.transport import Transport
from lazymmu.provision import builds
from lazymmu.provision.sandbox import Sandbox
from lazymmu.reports import results_folder
from lazymmu.reports.destination import Target, targets
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.live import LiveView
from lazymmu.reports.terminal import Terminal
from lazymmu.results import known_issues, store
from lazymmu.results.known_issues import KnownIssue
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.scenario import load
from lazymmu.session import header_run, known_file, manifest, prefetch, requests, resume
from lazymmu.session.plan import Work, find
from lazymmu.session.scheduler import Isolation, Options, Report, repeated, shuffled
from lazymmu.session.scheduler import run as run_units
from lazymmu.session.selection import Selection, units
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import INTERRUPTED, LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts

if TYPE_CHECKING:
    from lazymmu.header.text import Text


def exit_status(counts: Mapping[str, int], *, no_skip: bool, broken_entries: bool = False) -> int:
    """Return the status that design.md's contract gives to this many results of each outcome.

    Known failures are not among them; `broken_entries`: an entry of --known does not hold any more.
    """
    if counts[Outcome.FAIL] or broken_entries:
        return 1
    if counts[Outcome.ERROR] or (no_skip and counts[Outcome.SKIP]):
        return 3
    return 0 if counts[Outcome.PASS] else 2


class _Plan(Struct, frozen=True):
    """What the command line asks for, with every mistake in it found."""

    arguments: Namespace
    selection: Selection
    #: Of --header.
    header: Text | None
    selected: Sequence[Unit]
    #: Of --known; None without that flag.
    entries: Sequence[KnownIssue] | None
    #: Flag -> where its report goes.
    goals: Mapping[str, Target]
    started: datetime

    def scenarios(self) -> list[Scenario]:
        """Return the scenarios of what is selected, each once."""
        return list({unit.scenario.name: unit.scenario for unit in self.selected}.values())

    def order(self, positions: Iterable[int]) -> list[int]:
        """Return these positions of what is selected in the order in which they are run."""
        if self.arguments.shuffle is None:
            return list(positions)
        waiting: defaultdict[str, deque[int]] = defaultdict(deque)
        for position in positions:
            waiting[self.selected[position].label()].append(position)
        some = [self.selected[position] for left in waiting.values() for position in left]
        return [waiting[unit.label()].popleft() for unit in shuffled(some, self.arguments.shuffle)]


def _plan(arguments: Namespace, started: datetime) -> _Plan:
    if arguments.quiet and arguments.verbose:
        raise UsageError("--quiet and --verbose cannot be given together")
    library = requests.library()
    header = header_run.taken(arguments)
    selection = header_run.selected(requests.selection(arguments), header, arguments)
    selected = repeated(units(load(arguments.scenarios, library), selection), arguments.repeat)
    return _Plan(
        arguments=arguments,
        selection=selection,
        header=header,
        selected=selected,
        entries=None if arguments.known is None else known_file.load(arguments.known, library, selected),
        goals=targets({entry.FLAG: vars(arguments)[entry.NAME] for entry in FORMATS.values()}),
        started=started,
    )


def run(arguments: Namespace) -> int:
    """Run the selected units on guests; report them."""
    if arguments.resume is not None:
        return _resume(arguments)
    commit, sandbox = prefetch.asked(manifest.commit), prefetch.sandbox()
    plan = _plan(arguments, datetime.now(UTC))
    with results_folder.opened(arguments.out, plan.started) as kept:
        facts = manifest.beginning(arguments, plan.started, commit())
        kept.record(facts)
        facts["scenarios"] = kept.keep(plan.scenarios())
        kept.record(facts)
        return _carry_out(plan, kept, facts, sandbox)


def _resume(given: Namespace) -> int:
    """Run what an earlier run left, in its folder; report all of it."""
    sandbox = prefetch.sandbox()
    with resume.begun(given) as (kept, facts, arguments):
        plan = _plan(arguments, datetime.fromisoformat(facts["started"]))
        resume.check(kept, facts, plan.scenarios(), arguments)
        now = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "command": manifest.command(given)}
        again = {"finished": None, "status": None, "resumed": [*facts.get("resumed", ()), now]}
        return _carry_out(plan, kept, {**facts, **again, "scenarios": kept.keep(plan.scenarios())}, sandbox)


def _carry_out(
    plan: _Plan, kept: results_folder.Folder, facts: dict[str, Any], sandbox: Callable[[Path], Sandbox]
) -> int:
    """Run the units that have no result in the folder, and report all; `facts` is what run.json says so far."""
    arguments = plan.arguments
    terminal = requests.human(arguments)
    with store.opened(kept.results, plan.selected, trace=arguments.trace) as results:
        left = plan.order(unit.index for unit in results.unfinished())
        work = find(plan.selected, plan.selection, left, offline=arguments.offline, sandbox=sandbox)
        prepared = list(work.images.values())
        transport = requests.transport(arguments, prepared) if prepared else None
        if prepared:
            found = manifest.images(prepared)
            resume.check_images(kept, facts, found)
            facts = {**facts, **found, "kernels": {**facts.get("kernels", {}), **found["kernels"]}}
            if plan.header is not None:
                header_run.build(plan.header, prepared)
        kept.begin()
        kept.record(facts)
        with Interrupts.noted() as interrupts:
            begin = time.monotonic()
            with terminal.view(results, quiet=arguments.quiet, verbose=arguments.verbose) as view:
                ran = _run_units(plan, work, transport, results, kept, view, interrupts)
            finished = _finished(plan, results, ran, facts, interrupts, time.monotonic() - begin)
            own = exit_status(
                results.counts(), no_skip=arguments.no_skip, broken_entries=bool(finished.broken_entries())
            )
            return report(
                own,
                kept,
                finished,
                facts,
                goals=plan.goals,
                terminal=terminal,
                interrupts=interrupts,
                log_failures=ran.log_failures,
                quiet=arguments.quiet,
            )


def _run_units(
    plan: _Plan,
    work: Work,
    transport: Transport | None,
    results: ResultStore,
    kept: results_folder.Folder,
    view: LiveView,
    interrupts: Interrupts,
) -> Report:
    """Run the units that are left, and keep their results as they come."""
    arguments = plan.arguments
    options = Options(
        timeout_scale=arguments.timeout_scale,
        logs=kept.guests,
        isolation=Isolation(arguments.isolation),
        fresh_boot=arguments.fresh_boot,
        jobs=arguments.jobs,
        variant=builds.PLAIN if plan.header is None else header_run.variant(plan.header),
        transport=transport,
    )

    def ended(position: int, result: Result) -> None:
        if plan.entries:
            result = known_issues.excused(plan.entries, plan.selected[position], result, plan.started.date())
        results.add(result)
        view.finished(result)

    for position, absence in work.absent.items():
        ended(position, absence.result(plan.selected[position]))
    if not work.left:
        return Report(accelerators={})
    return run_units(
        plan.selected,
        work.images,
        options,
        left=work.left,
        finished=ended,
        changed=view.changed,
        interrupts=interrupts,
    )


def _finished(
    plan: _Plan, results: ResultStore, ran: Report, facts: Mapping[str, Any], interrupts: Interrupts, seconds: float
) -> RunSummary:
    """Return all that the reports are made from."""
    before = {machine: (one["name"], one["reason"]) for machine, one in facts.get("accelerators", {}).items()}
    now = {machine: (chosen.name, chosen.reason) for machine, chosen in ran.accelerators.items()}
    issues = None if plan.entries is None else known_issues.checked(plan.entries, results, plan.started.date())
    return RunSummary(
        results=results,
        interrupted=interrupts.came,
        accelerators={**before, **now},
        started=plan.started,
        seconds=seconds,
        seed=plan.arguments.shuffle,
        known=issues,
        facts=facts,
    )


def report(
    own: int,
    kept: results_folder.Folder,
    finished: RunSummary,
    facts: Mapping[str, Any],
    *,
    goals: Mapping[str, Target],
    terminal: Terminal,
    interrupts: Interrupts,
    log_failures: Sequence[LazymmuError] = (),
    quiet: bool = False,
) -> int:
    """Write every report that can be written, and return the exit status, which run.json says, too.

    `own` is the status that the results have by themselves, `facts` what run.json says so far.
    """

    def status(problems: Sequence[Exception]) -> int:
        """Return the status: what could not be written never hides a wrong implementation or an interrupt."""
        if interrupts.came:
            return INTERRUPTED
        return LazymmuError.exit_status if problems and own != 1 else own

    log_failures = [*([finished.results.failure] if finished.results.failure else []), *log_failures]
    first = status(log_failures)
    facts = {**facts, **manifest.end(first, datetime.now(UTC), finished.accelerators)}
    shown = partial(terminal.report, finished, kept.path, quiet=quiet)
    outputs = [partial(_shown, interrupts, "the report on the terminal", shown)]
    outputs += [partial(_written, interrupts, finished, flag, goal) for flag, goal in goals.items()]

    of_folder = _problems([partial(kept.finish, finished, facts)])
    # The logs stand in the same folder: a full disk is told once.
    problems = [*(of_folder or log_failures[:1]), *_problems(outputs)]
    last = status(problems)
    if last != first:
        again = _problems([partial(kept.record, {**facts, "status": last})])
        problems += [] if of_folder else again
    for problem in problems:
        print(f"lazymmu: {problem}", file=sys.stderr)
    return last


def _written(interrupts: Interrupts, finished: RunSummary, flag: str, goal: Target) -> None:
    """Write one report to where its flag says."""
    form = next(form for form in FORMATS.values() if flag == form.FLAG)

    def write() -> None:
        with goal.opened() as file:
            form.write(finished, file)

    if goal.is_regular():
        write()
    else:
        _shown(interrupts, f"{flag} `{goal.name}`", write)


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
