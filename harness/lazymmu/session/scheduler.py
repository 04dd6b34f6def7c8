# SPDX-License-Identifier: GPL-2.0-only
"""Runs every unit on its machine. Machines run at the same time, and so do several workers of one machine.

A machine is an architecture with a kernel; all its guests are alike.
"""

import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.snapshot_store import SnapshotStore
from lazymmu.guests.transports import Transport
from lazymmu.guests.transports.serial import SERIAL
from lazymmu.provision.builds import Variants
from lazymmu.provision.setup import Images
from lazymmu.results.result import Result, Unit
from lazymmu.session.kunit import suites as kunit
from lazymmu.session.worker import Queue, Worker
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts

# Another worker of a machine costs a restore, so it needs so many units.
_UNITS_PER_WORKER = 40
# Memory that QEMU needs beside its guest's, and that is left for everything else on the host (bytes).
_QEMU_OVERHEAD = 80_000_000
_LEFT_TO_HOST = 500_000_000
_MEGABYTE = 1 << 20
_MEMINFO = Path("/proc/meminfo")


class Options(Struct, frozen=True):
    """How the command line asks to run units."""

    #: Multiplies every deadline.
    timeout_scale: float = 1.0
    #: The folder for the guests' console and channel logs; None means no logs.
    logs: Path | None = None
    #: One of ISOLATIONS.
    isolation: str = "shared"
    #: Boot every guest, without snapshots.
    fresh_boot: bool = False
    #: How many guests may run at the same time; None means as many as the host has room for.
    jobs: int | None = None
    #: The module to build and load.
    variants: Variants = Variants()
    transport: Transport = SERIAL


def prepare_all(images: Images, arches: Sequence[str], options: Options) -> dict[str, Machine]:
    """Build what the guests of these architectures need, all at the same time."""
    guests = RunningGuests()
    works = [
        partial(prepare, images, arch, options.timeout_scale, guests, transport=options.transport) for arch in arches
    ]
    return dict(zip(arches, images.cache.tools.in_threads(works, at_end=guests.close), strict=True))


def guests_at_once(arches: Sequence[str]) -> int:
    """Return how many guests the host has room for: one for each processor or architecture, as memory allows."""
    largest = max(architectures()[arch].memory for arch in arches) * _MEGABYTE + _QEMU_OVERHEAD
    available = next(
        int(line.split()[1]) * 1024 for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:")
    )
    fitting = (available - _LEFT_TO_HOST) // largest
    return max(1, min(max(len(os.sched_getaffinity(0)), len(arches)), fitting))


def _workers(counts: Mapping[str, int], jobs: int) -> dict[str, int]:
    """Return the number of workers of each machine: one, and further ones where the most units are."""
    workers = dict.fromkeys(counts, 1)
    for _ in range(jobs - len(counts) if counts else 0):
        machine = max(counts, key=lambda machine: counts[machine] / workers[machine])
        if counts[machine] < (workers[machine] + 1) * _UNITS_PER_WORKER:
            break
        workers[machine] += 1
    return workers


class Schedule:
    """Runs units, on each machine in their order. Its workers run in threads of their own."""

    def __init__(
        self,
        units: Sequence[Unit],
        images: Mapping[str, Images],
        options: Options,
        finished: Callable[[Result], None],
        changed: Callable[[str, str], None] = lambda _machine, _activity: None,
        is_needed: Callable[[Unit], bool] = lambda _: True,
    ) -> None:
        """Run these units; `images` are those of each kernel's name.

        `finished` gets each result, one at a time; `changed` gets a machine's name and its activity. The workers'
        threads call both. A unit that is not needed when its turn comes has no result.
        """
        self._guests = RunningGuests(logs=options.logs)
        self._images = images
        self._options = options
        self._finished = finished
        self._changed = changed
        self._is_needed = is_needed
        self._lock = threading.Lock()
        self._finished_count: Counter[str] = Counter()
        self._unfinished = {unit.index: unit for unit in units}
        #: Machine's name -> its units.
        self._units: dict[str, list[Unit]] = {}
        for unit in units:
            self._units.setdefault(unit.machine, []).append(unit)
        jobs = options.jobs or (guests_at_once([some[0].arch for some in self._units.values()]) if units else 0)
        workers = _workers({name: len(some) for name, some in self._units.items()}, jobs)
        self._queues = {name: Queue(some, workers[name], is_needed) for name, some in self._units.items()}
        #: Machine and number of each worker.
        self._workers = [(name, number + 1) for name in self._units for number in range(workers[name])]
        #: How many workers run at the same time.
        self._at_once = min(jobs, len(self._workers))
        self._locks = {name: threading.Lock() for name in self._units}
        self._prepared: dict[str, Machine] = {}

    @property
    def log_failures(self) -> list[LazymmuError]:
        """Why logs of guests are not complete."""
        return self._guests.log_failures

    @property
    def accelerators(self) -> dict[str, tuple[str, str]]:
        """Machine's name -> its accelerator and why that was chosen, for machines that were prepared."""
        chosen = {name: self._prepared[name].boot.accelerator for name in self._units if name in self._prepared}
        return {name: (accelerator.name, accelerator.reason) for name, accelerator in chosen.items()}

    def run(self, interrupts: Interrupts) -> None:
        """Run all units. An interrupt ends all guests."""
        if not self._workers:
            return
        # QEMU dies with the thread that started it, so a worker stays in one thread.
        with (
            ThreadPoolExecutor(max_workers=self._at_once, thread_name_prefix="machine") as pool,
            closing(self._guests),
        ):
            futures = {}
            for worker in self._workers:
                futures[worker] = pool.submit(self._run_worker, *worker)
                futures[worker].add_done_callback(interrupts.notify)
            while not interrupts.came and not all(future.done() for future in futures.values()):
                interrupts.wait()
            if interrupts.came:
                for future in futures.values():
                    future.cancel()
                # Before the guests end, so that no trial of KVM takes the end of its guest for an answer.
                for each in self._images.values():
                    each.cache.tools.stop()
        if not interrupts.came:
            self._fail_unfinished(futures)

    def _machine(self, name: str) -> Machine:
        """Return a machine. Its first worker prepares it, while the others wait."""
        how, unit = self._options, self._units[name][0]
        with self._locks[name]:
            if name not in self._prepared:
                made_of = (self._images[unit.kernel], unit.arch, how.timeout_scale, self._guests)
                variant = how.variants.of(unit.arch, unit.kernel)
                # With several machines, the builds of the others need the processors.
                ahead = self._save_snapshot if self._restores and len(self._units) == 1 else None
                self._prepared[name] = prepare(*made_of, transport=how.transport, variant=variant, meanwhile=ahead)
            return self._prepared[name]

    @property
    def _restores(self) -> bool:
        return not self._options.fresh_boot and self._options.isolation != "boot"

    def _save_snapshot(self, machine: Machine) -> None:
        SnapshotStore(machine, self._guests, partial(self._changed, machine.name), restore=True).save_ahead()

    def _run_worker(self, name: str, number: int) -> None:
        """Run one worker from its start to its end."""
        changed = partial(self._changed, name if number == 1 else f"{name} #{number}")
        queue = self._queues[name]
        try:
            changed("preparing")
            prepared = self._machine(name)
        except (LazymmuError, OSError) as error:
            if not self._guests.stopping.is_set():
                while (unit := queue.take()) is not None:
                    self._finish(unit.failed(error))
            return
        pool = GuestPool(prepared, self._guests, changed, restore=self._restores)
        per_guest = None if self._options.isolation == "shared" else 1
        Worker(prepared, pool, self._guests, queue, self._finish, per_guest).run()
        changed("done")

    def _finish(self, result: Result) -> None:
        """Pass a result on, with its number on its machine, one at a time."""
        with self._lock:
            self._finished_count[result.machine] += 1
            self._unfinished.pop(result.number, None)
            self._finished(replace(result, position=self._finished_count[result.machine]))

    def _fail_unfinished(self, futures: Mapping[tuple[str, int], Future[None]]) -> None:
        """Give errors to the units of workers whose threads ended by an unexpected exception."""
        causes = {machine: future.exception() for (machine, _), future in futures.items() if future.exception()}
        for unit in filter(self._is_needed, list(self._unfinished.values())):
            cause = causes.get(unit.machine)
            text = "".join(traceback.format_exception(cause)) if cause else "its machine ended without a result"
            error = LazymmuError(f"{unit.machine}: a mistake in lazymmu itself: {text.splitlines()[-1]}", hint=text)
            self._finish(kunit.prepared(unit).failed(error))
