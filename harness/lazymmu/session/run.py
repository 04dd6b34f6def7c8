# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: runs the selected units on guests, and reports their results."""

import os
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lazymmu.guests.transports.serial import NAME as SERIAL_NAME
from lazymmu.guests.transports.serial import SERIAL
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.reports import results_folder
from lazymmu.reports.live import LiveView
from lazymmu.reports.results_folder import Folder
from lazymmu.results import known_issues, store
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.session import header_run, listed, manifest, prefetch, requests, unreached
from lazymmu.session.ending import exit_status, report
from lazymmu.session.plan import Plan, Preparation, prepare
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.session.selection import shuffled
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
        units = shuffled([unit for unit in plan.units if unit.index not in results], arguments.shuffle)
        preparation, images, options = Preparation({}, [], []), list[Images](), Options()
        remote: Cluster | None = None
        kept: Sequence[str] = ()
        with stopping.preparing():
            if arguments.on is not None:
                from lazymmu.session.shards import cluster

                remote = stack.enter_context(cluster.connected(plan))
                units = []
            preparation = prepare(units, plan.selection, sandbox, offline=arguments.offline)
            images = list(preparation.images.values())
            if images:
                manifest.check_images(folder, facts, manifest.images(images))
                facts = _with_versions(facts, images)
            options = _options(plan, folder, preparation)
        folder.begin()
        folder.record(facts)
        progress = images[0].cache.progress if images else Progress()
        progress.hidden = terminal.is_terminal and not arguments.quiet
        with Interrupts.noted() as interrupts:
            stopping.ends(interrupts)
            status = (lambda: progress.line) if remote is None else lambda: remote.status
            flags = {"quiet": arguments.quiet, "verbose": arguments.verbose}
            ended: Schedule | Cluster
            with LiveView(terminal, results, status=status, **flags).shown() as view:
                finished = _finished(plan, results, view, stopping)
                if remote is None:
                    ended = _run_units(plan, preparation, options, results, view, interrupts, stopping, finished)
                    interrupts.came = interrupts.was_signal
                    if arguments.keep_failed and not interrupts.came and (stopping.is_full or not stopping.reason):
                        kept, facts["kept"] = _keep(plan, folder, preparation, options, results, view, interrupts)
                else:
                    ended = remote
                    remote.run(folder, finished, interrupts, stopping)
                    facts = {**facts, **remote.facts}
            interrupts.came = interrupts.was_signal
            if images:
                # Locked versions may have been gone, so that others took their place.
                facts = _with_versions(facts, images)
            summary = _summary(plan, results, facts, ended.accelerators, stopping, interrupts, begin)
            summary = replace(summary, notes=[*summary.notes, *kept])
            return report(
                _status_of(plan, summary),
                folder,
                summary,
                targets=plan.targets,
                terminal=terminal,
                interrupts=interrupts,
                log_failures=ended.log_failures,
                quiet=arguments.quiet,
                begin=begin,
            )


def _summary(
    plan: Plan,
    results: ResultStore,
    facts: dict[str, Any],
    accelerators: Mapping[str, tuple[str, str]],
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
        accelerators={**before, **accelerators},
        started=plan.started,
        seconds=seconds,
        seed=plan.arguments.shuffle,
        known=known,
        facts=facts,
        notes=_notes_of_shard(plan) if is_shard else [*unreached.notes(compared)],
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


def _with_versions(facts: dict[str, Any], images: Sequence[Images]) -> dict[str, Any]:
    versions = manifest.images(images)
    return {**facts, **versions, "kernels": {**facts.get("kernels", {}), **versions["kernels"]}}


def _options(plan: Plan, folder: Folder, preparation: Preparation) -> Options:
    """Return how to run units, after what only some of them need is fetched and built."""
    arguments, images = plan.arguments, list(preparation.images.values())
    if arguments.transport != SERIAL_NAME:
        for some in images:
            some.all_ready()
    transport = requests.transport(arguments, images) if images else SERIAL
    return Options(
        timeout_scale=arguments.timeout_scale,
        logs=folder.guests,
        isolation=arguments.isolation,
        fresh_boot=arguments.fresh_boot,
        jobs=arguments.jobs,
        variants=header_run.build(plan.given, images),
        transport=transport,
    )


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


def _run_units(
    plan: Plan,
    preparation: Preparation,
    options: Options,
    results: ResultStore,
    view: LiveView,
    interrupts: Interrupts,
    stopping: Stopping,
    finished: Callable[[Result], None],
) -> Schedule:
    """Run the units of the preparation; `finished` gets their results as they come."""
    for result in preparation.unavailable:
        finished(result)
    schedule = Schedule(
        preparation.runnable, preparation.images, options, finished, view.changed, lambda _: not stopping.reason
    )
    schedule.run(interrupts)
    if plan.arguments.retries:
        _run_again(plan, preparation, options, results, view, interrupts, stopping)
    return schedule


def _run_again(
    plan: Plan,
    preparation: Preparation,
    options: Options,
    results: ResultStore,
    view: LiveView,
    interrupts: Interrupts,
    stopping: Stopping,
) -> None:
    """Run the units that failed in fresh guests, as often as --retries says; what then passes is flaky."""
    units = {unit.index: unit for unit in plan.units}

    def retried(result: Result) -> None:
        if result.raw_outcome is not Outcome.PASS:
            return
        flaky = replace(results.whole(result.number), flaky=True)
        flaky = known_issues.excused(plan.issues or (), units[result.number], flaky, plan.started.date())
        results.add(flaky)
        view.show_result(flaky)

    for number in range(1, plan.arguments.retries + 1):
        failed = [unit for unit in preparation.runnable if _is_failed(results, unit)]
        if interrupts.came or stopping.reason or not failed:
            break
        # The same units in fresh guests, whose logs are beside those of the first ones.
        logs = options.logs and options.logs / f"retry-{number}"
        if logs is not None:
            logs.mkdir(exist_ok=True)
        again = replace(options, isolation="scenario", logs=logs)
        Schedule(failed, preparation.images, again, retried, view.changed, lambda _: not stopping.reason).run(
            interrupts
        )


def _keep(
    plan: Plan,
    folder: Folder,
    preparation: Preparation,
    options: Options,
    results: ResultStore,
    view: LiveView,
    interrupts: Interrupts,
) -> tuple[Sequence[str], Any]:
    """Save guests in which cases failed. Returns the lines of the report, and what run.json says."""
    from lazymmu.session import keep_failed

    units = {unit.index: unit for unit in preparation.runnable}
    chosen = keep_failed.chosen(results, units)
    how = (units, preparation.images, options, interrupts, view.changed, plan.arguments)
    kept = keep_failed.keep(chosen, *how)
    return [one.note(requests.short(folder.path)) for one in kept], msgspec.to_builtins(kept)


def _is_failed(results: ResultStore, unit: Unit) -> bool:
    """Return whether a unit may be flaky: it failed, no entry of --known excuses that, and it has not passed since."""
    if unit.index not in results:
        return False
    result = results[unit.index]
    return result.outcome is Outcome.FAIL and not result.flaky
