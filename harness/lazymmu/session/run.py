# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: runs the selected units on guests, and reports their results."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazymmu.provision.sandbox import Sandbox
from lazymmu.reports import results_folder
from lazymmu.reports.live import LiveView
from lazymmu.reports.results_folder import Folder
from lazymmu.results import known_issues, store
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.session import header_run, listed, manifest, prefetch, requests, unreached
from lazymmu.session.ending import exit_status, report
from lazymmu.session.local_guests import LocalGuests
from lazymmu.session.plan import Plan
from lazymmu.session.stopping import Stopping
from lazymmu.support.errors import LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts

if TYPE_CHECKING:
    from lazymmu.session.shards.cluster import Cluster

# Names when the launcher was started, in seconds since the host's start (/proc/uptime).
_BEGAN = "LAZYMMU_BEGAN"
# Seconds; a launcher that was started earlier is not this run's.
_LONGEST = 3600.0


def _began() -> float:
    """Return the monotonic time at which the user began to wait. It counts once: later runs of --watch begin later."""
    now = time.monotonic()
    try:
        waited = time.clock_gettime(time.CLOCK_BOOTTIME) - float(os.environ.pop(_BEGAN, ""))
    except ValueError:
        return now
    return now - waited if 0 <= waited < _LONGEST else now


@requests.shared_cache()
def run(arguments: Namespace) -> int:
    """Run the selected units on guests, and report them. Returns the exit status."""
    begin = _began()
    if arguments.resume is not None:
        return _resume(arguments, begin)
    if arguments.failed:
        if arguments.failed_from is not None:
            raise UsageError("--failed and --failed-from cannot be given together")
        arguments.failed_from = listed.last_run()
    if arguments.on is not None:
        from lazymmu.session.shards import cluster

        cluster.refuse(arguments)
    if arguments.save_plan is not None:
        return _save_plan(arguments)
    commit, sandbox = prefetch.asked(manifest.commit), prefetch.sandbox()
    plan = Plan.of(arguments, datetime.now(UTC))
    with results_folder.opened(arguments.out, plan.started) as folder:
        facts = manifest.beginning(arguments, plan.arguments, plan.started, commit(), plan.sources)
        folder.record(facts)
        facts["scenarios"] = folder.keep(plan.scenarios)
        facts["scenario_digests"] = listed.digests(plan.scenarios)
        if plan.given is not None and plan.given.patch is not None:
            folder.keep_patch(plan.given.patch)
            facts["patch_kept"] = str(requests.short(folder.patch))
        folder.record(facts)
        return _carry_out(plan, folder, facts, sandbox, begin)


def _save_plan(arguments: Namespace) -> int:
    """Write what would be run, and run nothing. Returns the exit status."""
    plan = Plan.of(arguments, datetime.now(UTC))
    listed.save(arguments.save_plan, plan.arguments, plan.units)
    requests.human(arguments).line(f"{arguments.save_plan}: {len(plan.units)} cases; --plan runs them")
    return 0


def _resume(given: Namespace, begin: float) -> int:
    """Run the units that an earlier run left without a result, in its folder; report all units."""
    sandbox = prefetch.sandbox()
    with manifest.unfinished_run(given) as (folder, facts, arguments):
        plan = Plan.of(arguments, datetime.fromisoformat(facts["started"]), folder.patch)
        manifest.check_sources(folder, facts, plan.scenarios, plan.arguments, plan.sources)
        now = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "command": ["lazymmu", *given.command_line]}
        again = {"finished": None, "status": None, "resumed": [*facts.get("resumed", ()), now]}
        return _carry_out(plan, folder, {**facts, **again, "scenarios": folder.keep(plan.scenarios)}, sandbox, begin)


def _carry_out(
    plan: Plan, folder: Folder, facts: dict[str, Any], sandbox: Callable[[Path], Sandbox], begin: float
) -> int:
    """Run the units without a result in the folder, and report all.

    `facts` is the contents of run.json so far, `begin` the time at which the user began to wait.
    """
    arguments = plan.arguments
    terminal = requests.human(arguments)
    stopping = Stopping(max_failures=arguments.max_failures, max_time=arguments.max_time)
    facts = {**facts, **plan.facts}
    with (
        stopping.timed(begin, len(plan.units)),
        store.opened(folder.results, plan.units, trace=arguments.trace) as results,
        ExitStack() as stack,
    ):
        local = LocalGuests(plan, folder, results)
        guests: LocalGuests | Cluster = local
        with stopping.preparing():
            if arguments.on is not None:
                from lazymmu.session.shards import cluster

                guests = stack.enter_context(cluster.connected(plan, folder))
            else:
                local.prepare(facts, sandbox)
        facts = _with_guests(facts, guests)
        folder.begin()
        folder.record(facts)
        local.progress.hidden = terminal.is_terminal and not arguments.quiet
        with Interrupts.noted() as interrupts:
            stopping.ends(interrupts)
            flags = {"quiet": arguments.quiet, "verbose": arguments.verbose}
            with LiveView(terminal, results, status=lambda: guests.status, **flags).shown() as view:
                guests.run(_finished(plan, results, view, stopping), view, interrupts, stopping)
            interrupts.came = interrupts.was_signal
            facts = _with_guests(facts, guests)
            summary = _summary(plan, results, facts, guests, stopping, interrupts, begin)
            return report(
                _status_of(plan, summary),
                folder,
                summary,
                targets=plan.targets,
                terminal=terminal,
                interrupts=interrupts,
                log_failures=guests.log_failures,
                quiet=arguments.quiet,
                begin=begin,
            )


def _summary(
    plan: Plan,
    results: ResultStore,
    facts: dict[str, Any],
    guests: LocalGuests | Cluster,
    stopping: Stopping,
    interrupts: Interrupts,
    begin: float,
) -> RunSummary:
    """Return the summary of a run that has ended; `facts` is the contents of run.json so far."""
    facts = {**facts, **header_run.account(plan.given, header_run.operations(plan.units, results))}
    seconds = time.monotonic() - begin
    day, issues = plan.started.date(), plan.issues
    known = None if issues is None else [known_issues.checked(issue, results, day) for issue in issues]
    skipped = [result.number for result in results if result.outcome is Outcome.SKIP]
    before = {machine: (one["name"], one["reason"]) for machine, one in facts.get("accelerators", {}).items()}
    # An interrupt may come as late as while the entries of --known are checked.
    is_early = interrupts.came or bool(stopping.reason and not results.is_complete)
    compared = unreached.places(plan.units, skipped)
    is_shard = plan.arguments.shard is not None
    if is_shard:
        from lazymmu.session.shards import shard

        facts["shard"] = {**facts["shard"], **shard.facts(plan.units, results, compared)}
    return RunSummary(
        results=results,
        interrupted=is_early,
        accelerators={**before, **guests.accelerators},
        started=plan.started,
        seconds=seconds,
        seed=plan.arguments.shuffle,
        known=known,
        facts=facts,
        notes=[*(_notes_of_shard(plan) if is_shard else unreached.notes(compared)), *guests.notes],
        stopped=stopping.reason if is_early and not interrupts.came else "",
    )


def _status_of(plan: Plan, summary: RunSummary) -> int:
    """Return the exit status for the results of a run."""
    if not plan.units:
        return 0
    counts, broken_entries = summary.results.counts(), bool(summary.broken_entries())
    status = exit_status(counts, no_skip=plan.arguments.no_skip, broken_entries=broken_entries)
    return LazymmuError.exit_status if summary.stopped and status != 1 else status


def _notes_of_shard(plan: Plan) -> list[str]:
    shard = plan.arguments.shard
    return [] if plan.units else [f"none of the {len(plan.whole)} cases belongs to shard {shard}: nothing was run"]


def _with_guests(facts: dict[str, Any], guests: LocalGuests | Cluster) -> dict[str, Any]:
    """Return the contents of run.json with what guests say; of a run that is resumed, earlier kernels stay."""
    found = guests.facts
    return {**facts, **found, "kernels": {**facts.get("kernels", {}), **found.get("kernels", {})}}


def _finished(plan: Plan, results: ResultStore, view: LiveView, stopping: Stopping) -> Callable[[Result], None]:
    """Return a function that stores and shows a result."""
    units = {unit.index: unit for unit in plan.units}

    def finished(result: Result) -> None:
        if stopping.is_full:
            return
        result = known_issues.excused(plan.issues or (), units[result.number], result, plan.started.date())
        results.add(result)
        stopping.note(result)
        view.show_result(result)

    return finished
