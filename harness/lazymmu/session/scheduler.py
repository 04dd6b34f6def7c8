# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: every unit on its machine, the machines and several workers of one at the same time.

A machine is an architecture with a kernel: all guests that have both are alike.
"""

from __future__ import annotations

import hashlib
import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.guests.boot import Accelerator
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.transport import Transport
from lazymmu.provision.builds import PLAIN, Variant
from lazymmu.provision.setup import Images
from lazymmu.results.result import Result, Unit
from lazymmu.session.unit_results import without_report
from lazymmu.session.worker import Job, Queue, Worker
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts

__all__ = ["Isolation", "Options", "Report", "prepare_all", "run"]

# A worker more of the same machine costs a restore: it must have so many units to run.
_UNITS_PER_WORKER = 40
# What QEMU takes beside its guest's memory, and what is left to everything else on the host (bytes).
_QEMU_OVERHEAD = 80_000_000
_LEFT_TO_HOST = 500_000_000
_MEGABYTE = 1 << 20
_MEMINFO = Path("/proc/meminfo")


class Isolation(StrEnum):
    """How much of a guest two units share."""

    #: One guest for all; each unit runs in fresh kernel threads.
    SHARED = "shared"
    #: A guest of its own for each, restored.
    SCENARIO = "scenario"
    #: A guest of its own for each, booted.
    BOOT = "boot"


class Options(Struct, frozen=True):
    """What the command line says about how to run."""

    #: Multiplies every deadline.
    timeout_scale: float = 1.0
    #: Folder for the guests' console and channel logs; None keeps none.
    logs: Path | None = None
    isolation: Isolation = Isolation.SHARED
    #: Do without snapshots: every guest boots.
    fresh_boot: bool = False
    #: How many guests may run at the same time; None is what the host has room for.
    jobs: int | None = None
    #: The module that is built and loaded.
    variant: Variant = PLAIN
    #: How agents are reached; None is the serial line.
    transport: Transport | None = None


class Report(Struct, frozen=True):
    """How a run went, beside its results."""

    #: Machine's name -> accelerator, for those that were started.
    accelerators: dict[str, Accelerator]
    #: Why logs of guests could not be kept whole.
    log_failures: tuple[LazymmuError, ...] = ()


def prepare_all(images: Images, arches: Sequence[str], options: Options) -> dict[str, Machine]:
    """Build what the guests of these architectures need, all at the same time."""
    guests = RunningGuests()
    with (
        ThreadPoolExecutor(max_workers=len(arches)) as pool,
        guests.stopped_at_exit(),
        images.cache.tools.stopped_by_interrupt(),
    ):
        futures = {
            arch: pool.submit(prepare, images, arch, options.timeout_scale, guests, transport=options.transport)
            for arch in arches
        }
        return {arch: future.result() for arch, future in futures.items()}


def repeated(units: Sequence[Unit], times: int) -> Sequence[Unit]:
    """Return each unit so many times, numbered from 1; as they are for once."""
    if times == 1:
        return units
    return tuple(
        replace(unit, repetition=number, index=unit.index * times + number - 1)
        for unit in units
        for number in range(1, times + 1)
    )


def shuffled(units: Sequence[Unit], seed: int) -> tuple[Unit, ...]:
    """Return the units in the order that a seed gives.

    Which of two units comes first depends on the seed and on them alone: when fewer are selected, those that are left
    keep their order, so that a failure that depends on it can be narrowed down.
    """
    return tuple(sorted(units, key=lambda unit: hashlib.sha256(f"{seed} {unit.label()}".encode()).digest()))


def guests_at_once(arches: Sequence[str]) -> int:
    """Return how many guests the host has room for at the same time: as many as it has processors, by its memory.

    It is never less than one, and no less than one of each architecture where the memory allows.
    """
    largest = max(architectures()[arch].memory for arch in arches) * _MEGABYTE + _QEMU_OVERHEAD
    available = next(
        int(line.split()[1]) * 1024 for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:")
    )
    fitting = (available - _LEFT_TO_HOST) // largest
    return max(1, min(max(len(os.sched_getaffinity(0)), len(arches)), fitting))


def _workers(counts: Mapping[str, int], jobs: int) -> dict[str, int]:
    """Return how many workers each machine gets: one, and of what is left those with the most units."""
    workers = dict.fromkeys(counts, 1)
    for _ in range(jobs - len(counts)):
        machine = max(counts, key=lambda machine: counts[machine] / workers[machine])
        if counts[machine] < (workers[machine] + 1) * _UNITS_PER_WORKER:
            break
        workers[machine] += 1
    return workers


class _Slot(Struct, frozen=True):
    """One worker of one machine."""

    machine: str
    number: int

    @property
    def name(self) -> str:
        """Its name for a person: the first one's is the machine's."""
        return self.machine if self.number == 1 else f"{self.machine} #{self.number}"


class _Once:
    """Something that the first one who asks makes, while others wait for it."""

    def __init__(self, make: Callable[[], Machine]) -> None:
        self.value: Machine | None = None
        self._make = make
        self._lock = threading.Lock()

    def get(self) -> Machine:
        """Return it, or raise what its making raises."""
        with self._lock:
            if self.value is None:
                self.value = self._make()
            return self.value


class _Matrix:
    """What the workers' threads share: the units that wait, the machines, and where results go."""

    def __init__(
        self,
        units: Sequence[Unit],
        images: Mapping[str, Images],
        options: Options,
        left: Sequence[int],
        finished: Callable[[int, Result], None],
        changed: Callable[[str, str], None],
        wanted: Callable[[int], bool],
    ) -> None:
        self.units = units
        self.guests = RunningGuests(logs=options.logs)
        self._images = images
        self._options = options
        self._finished = finished
        self._changed = changed
        self._lock = threading.Lock()
        self._ended: Counter[str] = Counter()
        waiting: dict[str, list[int]] = {}
        for position in left:
            waiting.setdefault(units[position].machine, []).append(position)
        self._missing = set(left)
        self._wanted = wanted
        first = {machine: units[positions[0]] for machine, positions in waiting.items()}
        jobs = options.jobs or guests_at_once([unit.arch for unit in first.values()])
        workers = _workers({machine: len(positions) for machine, positions in waiting.items()}, jobs)
        self.slots = [_Slot(machine, number + 1) for machine in waiting for number in range(workers[machine])]
        #: How many of them run at the same time.
        self.at_once = min(jobs, len(self.slots))
        self._queues = {machine: Queue(positions, workers[machine], wanted) for machine, positions in waiting.items()}
        self._machines = {
            machine: _Once(partial(self._prepare, unit.arch, unit.kernel)) for machine, unit in first.items()
        }

    def _prepare(self, arch: str, kernel: str) -> Machine:
        options = self._options
        return prepare(
            self._images[kernel],
            arch,
            options.timeout_scale,
            self.guests,
            transport=options.transport,
            variant=options.variant,
        )

    def accelerators(self) -> dict[str, Accelerator]:
        """Return what runs the instructions of the machines that were prepared."""
        made = {name: once.value for name, once in self._machines.items()}
        return {name: machine.boot.accelerator for name, machine in made.items() if machine}

    def work(self, slot: _Slot) -> None:
        """Be one worker from its start to its end."""
        changed = partial(self._changed, slot.name)
        queue = self._queues[slot.machine]
        try:
            changed("preparing")
            machine = self._machines[slot.machine].get()
        except (LazymmuError, OSError) as error:
            if not self.guests.stopping.is_set():
                while (position := queue.take()) is not None:
                    unit = self.units[position]
                    self.done(position, without_report(unit, error))
            return
        isolation = self._options.isolation
        job = Job(
            units=self.units,
            queue=queue,
            finished=self.done,
            units_per_guest=None if isolation is Isolation.SHARED else 1,
        )
        restore = not self._options.fresh_boot and isolation is not Isolation.BOOT
        Worker(machine, GuestPool(machine, self.guests, changed, restore=restore), self.guests, job).work()
        changed("done")

    def done(self, position: int, result: Result) -> None:
        """Pass a result on, with its number on its machine; one at a time."""
        with self._lock:
            machine = result.machine
            self._ended[machine] += 1
            self._missing.discard(position)
            self._finished(position, replace(result, position=self._ended[machine]))

    def lost(self, futures: Mapping[_Slot, Future[None]]) -> None:
        """Give error results to the units that a worker's thread left when it ended in a mistake of ours."""
        causes = {slot.machine: future.exception() for slot, future in futures.items() if future.exception()}
        for position in filter(self._wanted, sorted(self._missing)):
            unit = self.units[position]
            cause = causes.get(unit.machine)
            text = "".join(traceback.format_exception(cause)) if cause else "its machine ended without a result"
            error = LazymmuError(f"{unit.machine}: a mistake in lazymmu itself: {text.splitlines()[-1]}", hint=text)
            self.done(position, without_report(unit, error))


def run(
    units: Sequence[Unit],
    images: Mapping[str, Images],
    options: Options,
    *,
    left: Sequence[int],
    finished: Callable[[int, Result], None],
    changed: Callable[[str, str], None],
    interrupts: Interrupts,
    wanted: Callable[[int], bool] = lambda _position: True,
) -> Report:
    """Run the units at the positions `left`, on each machine in this order; `images` are those of each kernel's name.

    A position that is not `wanted` when its turn comes gets no result.
    `finished` gets the position and the result of each when it ends, never two at a time; `changed` a machine's name
    and what it does now; both are called from the workers' threads. One of `interrupts` ends all guests.
    """
    matrix = _Matrix(units, images, options, left, finished, changed, wanted)
    # QEMU dies with the thread that started it, so each worker has one thread from its start to its end.
    with (
        ThreadPoolExecutor(max_workers=matrix.at_once, thread_name_prefix="machine") as pool,
        matrix.guests.stopped_at_exit(),
    ):
        futures = {}
        for slot in matrix.slots:
            futures[slot] = pool.submit(matrix.work, slot)
            futures[slot].add_done_callback(interrupts.wake)
        while not interrupts.came and not all(future.done() for future in futures.values()):
            interrupts.wait()
        if interrupts.came:
            for future in futures.values():
                future.cancel()
            # Before the guests: a trial of KVM that is cut short must not be kept as an answer.
            for each in images.values():
                each.cache.tools.stop()
    if not interrupts.came:
        matrix.lost(futures)
    return Report(accelerators=matrix.accelerators(), log_failures=tuple(matrix.guests.log_failures))
