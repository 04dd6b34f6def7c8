# SPDX-License-Identifier: GPL-2.0-only
"""Runs the units of a plan on guests of this host. `shards.cluster` runs them on other hosts instead."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lazymmu.guests.transports.serial import NAME as SERIAL_NAME
from lazymmu.guests.transports.serial import SERIAL
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.reports.live import LiveView
from lazymmu.reports.results_folder import Folder
from lazymmu.results import known_issues
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session import header_run, manifest, requests
from lazymmu.session.plan import Plan, Preparation, prepare
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.session.selection import shuffled
from lazymmu.session.stopping import Stopping
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts

if TYPE_CHECKING:
    from lazymmu.session.keep_failed import Kept


class LocalGuests:
    """The guests of a run on this host, and the units that they run: those that have no result yet."""

    def __init__(self, plan: Plan, folder: Folder, results: ResultStore) -> None:
        """Take what to run, and what the run has of results. Without `prepare`, nothing can be run."""
        self._plan = plan
        self._folder = folder
        self._results = results
        self._preparation = Preparation({}, [], [])
        self._options = Options()
        self._schedule: Schedule | None = None
        self._kept: Sequence[Kept] | None = None
        #: What is fetched and built while guests run.
        self.progress = Progress()

    @property
    def _images(self) -> list[Images]:
        return list(self._preparation.images.values())

    @property
    def status(self) -> str:
        """What to show while the run is under way."""
        return self.progress.line

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says of the guests. Versions may change: others take the place of those that are gone."""
        versions = manifest.images(self._images) if self._images else {}
        return versions if self._kept is None else {**versions, "kept": msgspec.to_builtins(self._kept)}

    @property
    def notes(self) -> list[str]:
        """What the report says of guests that were kept."""
        return [one.note(requests.short(self._folder.path)) for one in self._kept or ()]

    @property
    def accelerators(self) -> Mapping[str, tuple[str, str]]:
        """Machine's name -> its accelerator and why that was chosen."""
        return {} if self._schedule is None else self._schedule.accelerators

    @property
    def log_failures(self) -> Sequence[LazymmuError]:
        """Why logs of guests are not whole."""
        return () if self._schedule is None else self._schedule.log_failures

    def prepare(self, facts: Mapping[str, Any], sandbox: Callable[[Path], Sandbox]) -> None:
        """Fetch and build what the units need. `facts` is the contents of run.json so far.

        Raises SetupError, and UsageError if a run that is resumed had other versions.
        """
        plan, arguments = self._plan, self._plan.arguments
        units = shuffled([unit for unit in plan.units if unit.index not in self._results], arguments.shuffle)
        self._preparation = prepare(units, plan.selection, sandbox, offline=arguments.offline)
        images = self._images
        if images:
            manifest.check_images(self._folder, facts, manifest.images(images))
            self.progress = images[0].cache.progress
        if arguments.transport != SERIAL_NAME:
            for some in images:
                some.all_ready()
        self._options = Options(
            timeout_scale=arguments.timeout_scale,
            logs=self._folder.guests,
            isolation=arguments.isolation,
            fresh_boot=arguments.fresh_boot,
            jobs=arguments.jobs,
            variants=header_run.build(plan.given, images),
            transport=requests.transport(arguments, images) if images else SERIAL,
        )

    def run(
        self, finished: Callable[[Result], None], view: LiveView, interrupts: Interrupts, stopping: Stopping
    ) -> None:
        """Run the units; `finished` gets their results as they come. Then do what --retries and --keep-failed say."""
        for result in self._preparation.unavailable:
            finished(result)
        schedule = self._scheduler(view, stopping)
        self._schedule = schedule(self._preparation.runnable, self._options, finished)
        self._schedule.run(interrupts)
        for number in range(1, self._plan.arguments.retries + 1):
            failed = [unit for unit in self._preparation.runnable if self._is_failed(unit)]
            if interrupts.came or stopping.reason or not failed:
                break
            # The same units in fresh guests, whose logs are beside those of the first ones.
            logs = self._folder.guests / f"retry-{number}"
            logs.mkdir(exist_ok=True)
            again = replace(self._options, isolation="scenario", logs=logs)
            schedule(failed, again, self._retried(view)).run(interrupts)
        interrupts.came = interrupts.was_signal
        if self._plan.arguments.keep_failed and not interrupts.came and (stopping.is_full or not stopping.reason):
            self._keep(view, interrupts)

    def _scheduler(self, view: LiveView, stopping: Stopping) -> Callable[..., Schedule]:
        def schedule(units: Sequence[Unit], options: Options, take: Callable[[Result], None]) -> Schedule:
            images = self._preparation.images
            return Schedule(units, images, options, take, view.changed, lambda _: not stopping.reason)

        return schedule

    def _is_failed(self, unit: Unit) -> bool:
        """Return whether a unit may be flaky: it failed, --known does not excuse that, and it has not passed since."""
        if unit.index not in self._results:
            return False
        result = self._results[unit.index]
        return result.outcome is Outcome.FAIL and not result.flaky

    def _retried(self, view: LiveView) -> Callable[[Result], None]:
        """Return a function that takes the result of a unit that failed before; one that now passes is flaky."""
        units = {unit.index: unit for unit in self._plan.units}

        def retried(result: Result) -> None:
            if result.raw_outcome is not Outcome.PASS:
                return
            flaky = replace(self._results.whole(result.number), flaky=True)
            day = self._plan.started.date()
            flaky = known_issues.excused(self._plan.issues or (), units[result.number], flaky, day)
            self._results.add(flaky)
            view.show_result(flaky)

        return retried

    def _keep(self, view: LiveView, interrupts: Interrupts) -> None:
        """Save guests in which cases failed."""
        from lazymmu.session import keep_failed

        units = {unit.index: unit for unit in self._preparation.runnable}
        how = (units, self._preparation.images, self._options, interrupts, view.changed, self._plan.arguments)
        self._kept = keep_failed.keep(keep_failed.chosen(self._results, units), *how)
