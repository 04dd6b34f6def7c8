# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: every unit on its machine, all machines at the same time, one result for each unit."""

from __future__ import annotations

import hashlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from harness.core.errors import LazymmuError
from harness.core.interrupts import Interrupts
from harness.core.result import Result, Unit
from harness.images.setup import Images
from harness.machine.qemu import Accelerator
from harness.worker import Guests, Machine, Options, Worker, prepare, without_report

__all__ = ["Options", "Report", "prepare_all", "run"]


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run: results in the order of its units, and what ran them."""

    results: tuple[Result, ...]
    #: Architecture -> accelerator, for those that were started.
    accelerators: dict[str, Accelerator]
    #: Why logs of guests could not be kept whole.
    log_failures: tuple[LazymmuError, ...] = ()


def prepare_all(images: Images, arches: Sequence[str], options: Options) -> dict[str, Machine]:
    """Build what the guests of these architectures need, all at the same time."""
    guests = Guests()
    with (
        ThreadPoolExecutor(max_workers=len(arches)) as pool,
        guests.stopped_at_exit(),
        images.cache.tools.stopped_by_interrupt(),
    ):
        futures = {arch: pool.submit(prepare, images, arch, options, guests) for arch in arches}
        return {arch: future.result() for arch, future in futures.items()}


def _lost(futures: dict[str, Future[None]], missing: Sequence[Unit], images: Images) -> list[Result]:
    """Return error results for the units that a machine's thread left when it ended in a mistake of ours."""
    found = []
    for unit in missing:
        cause = futures[unit.arch].exception()
        text = "".join(traceback.format_exception(cause)) if cause else "its machine ended without a result"
        error = LazymmuError(f"{unit.arch}: a mistake in lazymmu itself: {text.splitlines()[-1]}", hint=text)
        found.append(without_report(unit, images.kernels[unit.arch].name, error))
    return found


def repeated(units: Sequence[Unit], times: int) -> tuple[Unit, ...]:
    """Return each unit so many times, numbered from 1; as they are for once."""
    if times == 1:
        return tuple(units)
    return tuple(replace(unit, repetition=number) for unit in units for number in range(1, times + 1))


def shuffled(units: Sequence[Unit], seed: int) -> tuple[Unit, ...]:
    """Return the units in the order that a seed gives.

    Which of two units comes first depends on the seed and on them alone: when fewer are selected, those that are left
    keep their order, so that a failure that depends on it can be narrowed down.
    """
    return tuple(sorted(units, key=lambda unit: hashlib.sha256(f"{seed} {unit.label()}".encode()).digest()))


def _placed(results: Sequence[Result]) -> list[Result]:
    """Return the results with their positions on their machines; they come in the order in which they ended."""
    counts: Counter[str] = Counter()
    placed = []
    for result in results:
        counts[result.unit.arch] += 1
        placed.append(replace(result, position=counts[result.unit.arch]))
    return placed


def run(
    units: Sequence[Unit],
    images: Images,
    options: Options,
    *,
    finished: Callable[[], None],
    interrupts: Interrupts,
    seed: int | None = None,
) -> Report:
    """Run every unit; `finished` is called at each result, from the machines' threads.

    With a seed they run in its order; the report keeps that of `units`.
    One of `interrupts` ends all guests; the report then holds what was done so far.
    """
    queue = units if seed is None else shuffled(units, seed)
    order = {id(unit): number for number, unit in enumerate(units)}
    results: list[Result] = []
    machines: dict[str, Machine] = {}
    guests = Guests(logs=options.logs)

    def done(result: Result) -> None:
        results.append(result)
        finished()

    def work(arch: str) -> None:
        mine = [unit for unit in queue if unit.arch == arch]
        try:
            machines[arch] = prepare(images, arch, options, guests)
        except (LazymmuError, OSError) as error:
            for unit in mine if not guests.stopping.is_set() else ():
                done(without_report(unit, images.kernels[arch].name, error))
            return
        Worker(machines[arch], mine, guests, done).work()

    arches = list(dict.fromkeys(unit.arch for unit in units))
    # QEMU dies with the thread that started it, so each machine has one thread from its start to its end.
    with (
        ThreadPoolExecutor(max_workers=len(arches), thread_name_prefix="machine") as pool,
        guests.stopped_at_exit(),
    ):
        futures: dict[str, Future[None]] = {}
        for arch in arches:
            futures[arch] = pool.submit(work, arch)
            futures[arch].add_done_callback(interrupts.wake)
        while not interrupts.came and not all(future.done() for future in futures.values()):
            interrupts.wait()
        if interrupts.came:
            # Before the guests: a trial of KVM that is cut short must not be kept as an answer.
            images.cache.tools.stop()
    if not interrupts.came:
        have = {id(result.unit) for result in results}
        results += _lost(futures, [unit for unit in units if id(unit) not in have], images)
    return Report(
        results=tuple(sorted(_placed(results), key=lambda result: order[id(result.unit)])),
        accelerators={arch: machine.boot.accelerator for arch, machine in machines.items()},
        log_failures=tuple(guests.log_failures),
    )
