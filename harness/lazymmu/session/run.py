# SPDX-License-Identifier: GPL-2.0-only
"""The command `run`: runs the selected units on guests, and reports their results."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lazymmu.guests.transports.serial import SERIAL
from lazymmu.provision import builds
from lazymmu.provision.sandbox import Sandbox
from lazymmu.reports import results_folder
from lazymmu.reports.live import LiveView
from lazymmu.results import store
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.session import header_run, manifest, prefetch, requests, resume, scheduler
from lazymmu.session.ending import report
from lazymmu.session.plan import Plan, Preparation, prepare
from lazymmu.session.scheduler import Execution, Isolation, Options
from lazymmu.support.interrupts import Interrupts


def run(arguments: Namespace) -> int:
    """Run the selected units on guests, and report them. Returns the exit status."""
    if arguments.resume is not None:
        return _resume(arguments)
    commit, sandbox = prefetch.asked(manifest.commit), prefetch.sandbox()
    plan = Plan.of(arguments, datetime.now(UTC))
    with results_folder.opened(arguments.out, plan.started) as folder:
        facts = manifest.beginning(arguments, plan.started, commit())
        folder.record(facts)
        facts["scenarios"] = folder.keep(plan.scenarios)
        folder.record(facts)
        return _carry_out(plan, folder, facts, sandbox)


def _resume(given: Namespace) -> int:
    """Run the units that an earlier run left without a result, in its folder; report all units."""
    sandbox = prefetch.sandbox()
    with resume.begun(given) as (folder, facts, arguments):
        plan = Plan.of(arguments, datetime.fromisoformat(facts["started"]))
        resume.check(folder, facts, plan.scenarios, arguments)
        now = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "command": ["lazymmu", *given.command_line]}
        again = {"finished": None, "status": None, "resumed": [*facts.get("resumed", ()), now]}
        return _carry_out(plan, folder, {**facts, **again, "scenarios": folder.keep(plan.scenarios)}, sandbox)


def _carry_out(
    plan: Plan, folder: results_folder.Folder, facts: dict[str, Any], sandbox: Callable[[Path], Sandbox]
) -> int:
    """Run the units without a result in the folder, and report all; `facts` is the contents of run.json so far."""
    arguments = plan.arguments
    terminal = requests.human(arguments)
    with store.opened(folder.results, plan.units, trace=arguments.trace) as results:
        preparation = prepare(plan.ordered(results.unfinished()), plan.selection, sandbox, offline=arguments.offline)
        images = list(preparation.images.values())
        if images:
            versions = manifest.images(images)
            resume.check_images(folder, facts, versions)
            facts = {**facts, **versions, "kernels": {**facts.get("kernels", {}), **versions["kernels"]}}
        options = _options(plan, folder, preparation)
        folder.begin()
        folder.record(facts)
        with Interrupts.noted() as interrupts:
            begin = time.monotonic()
            with LiveView(terminal, results, quiet=arguments.quiet, verbose=arguments.verbose).shown() as view:
                execution = _run_units(plan, preparation, options, results, view, interrupts)
            seconds = time.monotonic() - begin
            issues = plan.checked_issues(results)
            before = {machine: (one["name"], one["reason"]) for machine, one in facts.get("accelerators", {}).items()}
            now = {machine: (chosen.name, chosen.reason) for machine, chosen in execution.accelerators.items()}
            summary = RunSummary(
                results=results,
                # An interrupt may come as late as while the entries of --known are checked.
                interrupted=interrupts.came,
                accelerators={**before, **now},
                started=plan.started,
                seconds=seconds,
                seed=arguments.shuffle,
                known=issues,
                facts=facts,
            )
            broken = bool(summary.broken_entries())
            return report(
                exit_status(results.counts(), no_skip=arguments.no_skip, broken_entries=broken),
                folder,
                summary,
                targets=plan.targets,
                terminal=terminal,
                interrupts=interrupts,
                log_failures=execution.log_failures,
                quiet=arguments.quiet,
            )


def _options(plan: Plan, folder: results_folder.Folder, preparation: Preparation) -> Options:
    """Return how to run units, after what only some of them need is fetched and built."""
    arguments, images = plan.arguments, list(preparation.images.values())
    transport = requests.transport(arguments, images) if images else SERIAL
    variant = header_run.build(plan.header, images) if images and plan.header is not None else builds.PLAIN
    return Options(
        timeout_scale=arguments.timeout_scale,
        logs=folder.guests,
        isolation=Isolation(arguments.isolation),
        fresh_boot=arguments.fresh_boot,
        jobs=arguments.jobs,
        variant=variant,
        transport=transport,
    )


def _run_units(
    plan: Plan,
    preparation: Preparation,
    options: Options,
    results: ResultStore,
    view: LiveView,
    interrupts: Interrupts,
) -> Execution:
    """Run the units of the preparation, and store their results as they come."""

    def finished(result: Result) -> None:
        result = plan.excused(result)
        results.add(result)
        view.show_result(result)

    for unit, unavailable in preparation.unavailable:
        finished(unavailable.result(unit))
    return scheduler.run(
        preparation.runnable,
        preparation.images,
        options,
        finished=finished,
        changed=view.changed,
        interrupts=interrupts,
    )


def exit_status(counts: Mapping[str, int], *, no_skip: bool, broken_entries: bool = False) -> int:
    """Return the exit status for so many results of each outcome (docs/command-line.md); known ones do not count."""
    if counts[Outcome.FAIL] or broken_entries:
        return 1
    if counts[Outcome.ERROR] or (no_skip and counts[Outcome.SKIP]):
        return 3
    return 0 if counts[Outcome.PASS] else 2
