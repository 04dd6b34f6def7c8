# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: every unit on its machine, all machines at the same time, one result for each unit."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.core.deadline import Deadline
from harness.core.errors import GuestError, LazymmuError
from harness.core.result import Outcome, Result, Unit
from harness.core.trace import Trace
from harness.guestlink import program, report
from harness.images import builds
from harness.images.catalogue import architectures
from harness.images.setup import Images
from harness.machine import accelerator, qemu
from harness.machine.qemu import Guest
from harness.model import predict
from harness.transport.serial import SerialLine
from harness.verdict import judge

# Budgets in seconds on real hardware; the accelerator and --timeout-scale multiply them.
_BOOT = 15.0
_TRIAL = 5.0
_ANSWER = 5.0
_ANSWER_PER_STEP = 0.001

#: The only implementation under test so far: the module's own.
IMPL = "module"


@dataclass
class Guests:
    """The guests that are alive, so that an interrupt can end them all."""

    stopping: threading.Event = field(default_factory=threading.Event)
    _alive: list[Guest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def start(self, boot: qemu.Boot) -> Iterator[Guest]:
        """Run a guest for the length of a `with`; after `stop` none starts."""
        with qemu.start(boot) as guest:
            with self._lock:
                self._alive.append(guest)
            try:
                if self.stopping.is_set():
                    raise GuestError(f"{guest.name}: interrupted")
                yield guest
            finally:
                with self._lock:
                    self._alive.remove(guest)

    def stop(self) -> None:
        """End every guest; their owners see a closed line."""
        self.stopping.set()
        with self._lock:
            for guest in self._alive:
                guest.kill()


@dataclass(frozen=True, slots=True)
class Machine:
    """One architecture's guest, ready to be started: its boot, and the module that goes into it."""

    boot: qemu.Boot
    module: bytes
    kernel: str
    #: Multiplies every deadline.
    time_scale: float


def prepare(images: Images, arch: str, timeout_scale: float) -> Machine:
    """Build what one architecture's guest needs and choose its accelerator."""
    architecture, kernel = architectures()[arch], images.kernels[arch]
    archive = builds.archive(images.cache, images.sandbox, architecture)
    boot = qemu.Boot(architecture, images.sandbox, kernel.image, archive, accelerator.tcg("not tried yet"))
    # Real hardware boots in a second; one that needs the whole budget may as well be emulated.
    chosen = accelerator.choose(
        images.cache, boot, trial=lambda guest: SerialLine(guest).handshake(Deadline.after(_TRIAL * timeout_scale))
    )
    return Machine(
        boot=qemu.Boot(architecture, images.sandbox, kernel.image, archive, chosen),
        module=builds.module(images.cache, images.sandbox, architecture, kernel).read_bytes(),
        kernel=kernel.name,
        time_scale=chosen.time_scale * timeout_scale,
    )


def _without_report(
    unit: Unit,
    kernel: str,
    error: LazymmuError,
    *,
    release: str = "",
    predicted: Trace | None = None,
    begin: float = 0.0,
) -> Result:
    """Return the result of a unit that ended without a whole report."""
    return Result(
        unit=unit,
        impl=IMPL,
        kernel=kernel,
        release=release,
        outcome=Outcome.ERROR,
        reason=str(error),
        predicted=predicted or predict(unit.case, unit.api, unit.arch),
        observed=None,
        seconds=time.monotonic() - begin if begin else 0.0,
        details=error.details if isinstance(error, GuestError) else "",
    )


class _Worker:
    """Runs the units of one machine; a guest that dies costs the unit that it died in, and is started again."""

    def __init__(self, machine: Machine, units: Sequence[Unit], guests: Guests, finished: Callable[[Result], None]):
        self._machine = machine
        self._waiting = deque(units)
        self._guests = guests
        self._finished = finished
        self._release = ""
        self._runs = 0

    def work(self) -> None:
        """Give every unit its result."""
        while self._waiting and not self._guests.stopping.is_set():
            before = len(self._waiting)
            try:
                self._use_one_guest()
            except GuestError as error:
                if len(self._waiting) == before and not self._guests.stopping.is_set():
                    # A guest that did not come as far as a unit will not do so the next time either.
                    for unit in self._waiting:
                        self._finished(_without_report(unit, self._machine.kernel, error, release=self._release))
                    self._waiting.clear()

    def _scaled(self, seconds: float) -> Deadline:
        return Deadline.after(seconds * self._machine.time_scale)

    def _use_one_guest(self) -> None:
        with self._guests.start(self._machine.boot) as guest:
            line = SerialLine(guest)
            self._release = line.handshake(self._scaled(_BOOT))
            line.load(self._machine.module, self._scaled(_ANSWER))
            while self._waiting:
                self._run(line, self._waiting[0])

    def _run(self, line: SerialLine, unit: Unit) -> None:
        """Run the first waiting unit; a guest that dies in it ends the unit as an error and is raised."""
        begin = time.monotonic()
        predicted = predict(unit.case, unit.api, unit.arch)
        self._runs += 1
        text = program.text(unit.case, run=self._runs, api=unit.api, personality=unit.arch)

        def lost(error: GuestError) -> None:
            self._waiting.popleft()
            kernel = self._machine.kernel
            self._finished(
                _without_report(unit, kernel, error, release=self._release, predicted=predicted, begin=begin)
            )

        try:
            answer = line.run(text, self._scaled(_ANSWER + _ANSWER_PER_STEP * len(predicted.steps)))
        except GuestError as error:
            if not self._guests.stopping.is_set():
                lost(error)
            raise
        try:
            observed = report.parse(answer, unit.case, run=self._runs, api=unit.api, personality=unit.arch)
        except GuestError as error:
            lost(error)
            return
        differences = tuple(judge(unit, predicted, observed))
        self._waiting.popleft()
        self._finished(
            Result(
                unit=unit,
                impl=IMPL,
                kernel=self._machine.kernel,
                release=self._release,
                outcome=Outcome.FAIL if differences else Outcome.PASS,
                reason=str(differences[0]) if differences else "",
                predicted=predicted,
                observed=observed,
                seconds=time.monotonic() - begin,
                differences=differences,
            )
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run: results in the order of its units, and what ran them."""

    results: tuple[Result, ...]
    #: Architecture -> accelerator, for those that were started.
    accelerators: dict[str, qemu.Accelerator]
    interrupted: bool


def run(units: Sequence[Unit], images: Images, *, timeout_scale: float, finished: Callable[[Result], None]) -> Report:
    """Run every unit; `finished` hears of each result as it comes, from the machines' threads.

    An interrupt (KeyboardInterrupt) ends all guests; the report then holds what was done so far.
    """
    order = {id(unit): number for number, unit in enumerate(units)}
    results: list[Result] = []
    machines: dict[str, Machine] = {}
    guests = Guests()

    def done(result: Result) -> None:
        results.append(result)
        finished(result)

    def work(arch: str) -> None:
        mine = [unit for unit in units if unit.arch == arch]
        try:
            machines[arch] = prepare(images, arch, timeout_scale)
        except LazymmuError as error:
            for unit in mine:
                done(_without_report(unit, images.kernels[arch].name, error))
            return
        _Worker(machines[arch], mine, guests, done).work()

    arches = list(dict.fromkeys(unit.arch for unit in units))
    interrupted = False
    # QEMU dies with the thread that started it, so each machine has one thread from its start to its end.
    with ThreadPoolExecutor(max_workers=len(arches), thread_name_prefix="machine") as pool:
        try:
            futures = [pool.submit(work, arch) for arch in arches]
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            interrupted = True
            guests.stop()
    return Report(
        results=tuple(sorted(results, key=lambda result: order[id(result.unit)])),
        accelerators={arch: machine.boot.accelerator for arch, machine in machines.items()},
        interrupted=interrupted,
    )
