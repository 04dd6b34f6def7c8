# SPDX-License-Identifier: GPL-2.0-only
"""One machine: its guest from start to end, and the units that run on it one after the other."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

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

# A machine that loses so many guests in a row is given up: each costs a boot and a deadline.
_LOSSES = 3

#: The only implementation under test so far: the module's own.
IMPL = "module"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about how to run."""

    #: Multiplies every deadline.
    timeout_scale: float = 1.0
    #: Keep the steps of traces that passed.
    trace: bool = False


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
    #: Keep the steps of traces that passed.
    keep_steps: bool


def prepare(images: Images, arch: str, options: Options, guests: Guests) -> Machine:
    """Build what one architecture's guest needs and choose its accelerator."""
    architecture, kernel = architectures()[arch], images.kernels[arch]
    archive = builds.archive(images.cache, images.sandbox, architecture)
    boot = qemu.Boot(architecture, images.sandbox, kernel.image, archive, accelerator.tcg("not tried yet"))
    # Real hardware boots in a second; one that needs longer may as well be emulated. The answer is kept, so a
    # smaller scale must not spoil it.
    budget = _TRIAL * max(1.0, options.timeout_scale)
    chosen = accelerator.choose(
        images.cache, boot, guests.start, lambda guest: SerialLine(guest).handshake(Deadline.after(budget))
    )
    return Machine(
        boot=replace(boot, accelerator=chosen),
        module=builds.module(images.cache, images.sandbox, architecture, kernel).read_bytes(),
        kernel=kernel.name,
        time_scale=chosen.time_scale * options.timeout_scale,
        keep_steps=options.trace,
    )


def without_report(
    unit: Unit,
    kernel: str,
    error: LazymmuError | OSError,
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


class Worker:
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
        losses = 0
        while self._waiting and not self._guests.stopping.is_set():
            before = len(self._waiting)
            try:
                self._use_one_guest()
            except GuestError as error:
                if self._guests.stopping.is_set():
                    return
                done = before - len(self._waiting)
                losses = losses + 1 if done <= 1 else 1
                # A guest that did not come as far as a unit will not do so the next time either.
                if done == 0 or losses == _LOSSES:
                    self._give_up(error)

    def _give_up(self, error: GuestError) -> None:
        for unit in self._waiting:
            self._finished(without_report(unit, self._machine.kernel, error, release=self._release))
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
            self._finished(without_report(unit, kernel, error, release=self._release, predicted=predicted, begin=begin))

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
        if not differences and not self._machine.keep_steps:
            # Both are the same, and long; nobody will ask for them.
            predicted, observed = replace(predicted, steps=()), replace(observed, steps=())
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
