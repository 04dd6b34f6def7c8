# SPDX-License-Identifier: GPL-2.0-only
"""One machine: its guest from start to end, and the units that run on it one after the other."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.answer import Answer
from harness.core.deadline import Deadline
from harness.core.errors import GuestError, LazymmuError
from harness.core.result import Outcome, Result, Unit
from harness.core.trace import Trace
from harness.guestlink import program, report
from harness.images import builds
from harness.images.cache import Cache
from harness.images.catalogue import architectures
from harness.images.setup import Images
from harness.machine import accelerator, qemu
from harness.machine.patience import SILENCE
from harness.machine.qemu import Guest
from harness.model import predict
from harness.transport import names
from harness.transport.complaint import complaint
from harness.transport.serial import SerialLine
from harness.verdict import judge

# Budgets in seconds, multiplied by --timeout-scale. They bound a guest that shows life and yet never comes to an end,
# and a host that is too slow; one that hangs is found long before (harness/machine/patience.py).
_BOOT = 120.0
_TRIAL = 30.0
_ANSWER = 120.0
_ANSWER_PER_STEP = 0.002

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
    #: Folder for the guests' console and channel logs; None keeps none.
    logs: Path | None = None


@dataclass
class Guests:
    """The guests that are alive, so that an interrupt can end them all."""

    #: Folder for what the guests said; None keeps nothing.
    logs: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    #: Why the log of a guest could not be kept whole.
    log_failures: list[LazymmuError] = field(default_factory=list)
    _started: Counter[str] = field(default_factory=Counter)
    _alive: list[Guest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def start(self, boot: qemu.Boot) -> Iterator[Guest]:
        """Run a guest for the length of a `with`; after `stop` none starts."""
        arch = boot.architecture.name
        with self._lock:
            self._started[arch] += 1
            name = f"{arch}-{self._started[arch]}"
        with qemu.start(boot, self.logs, name) as guest:
            with self._lock:
                self._alive.append(guest)
            try:
                if self.stopping.is_set():
                    raise GuestError(f"{guest.name}: interrupted")
                yield guest
            finally:
                with self._lock:
                    self._alive.remove(guest)
                    self.log_failures += guest.log_failures()

    @contextmanager
    def stopped_at_exit(self) -> Iterator[None]:
        """End every guest at the end of a `with`, however it comes."""
        try:
            yield
        finally:
            self.stop()

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
    cache: Cache
    #: Multiplies every time limit.
    time_scale: float
    #: Keep the steps of traces that passed.
    keep_steps: bool


def prepare(images: Images, arch: str, options: Options, guests: Guests) -> Machine:
    """Build what one architecture's guest needs and choose its accelerator."""
    architecture, kernel = architectures()[arch], images.kernels[arch]
    archive = builds.archive(images.cache, images.sandbox, architecture)
    boot = qemu.Boot(architecture, images.sandbox, kernel.image, archive, accelerator.tcg("not tried yet"))
    # Real hardware boots in a second; one that is silent for longer may as well be emulated. The answer is kept, so a
    # smaller scale must not spoil it, nor a busy host.
    scale = max(1.0, options.timeout_scale)
    chosen = accelerator.choose(
        images.cache,
        boot,
        guests.start,
        lambda guest: SerialLine(guest, scale).handshake(Deadline.after(_TRIAL * scale), SILENCE),
    )
    return Machine(
        boot=replace(boot, accelerator=chosen),
        module=builds.module(images.cache, images.sandbox, architecture, kernel).read_bytes(),
        kernel=kernel.name,
        cache=images.cache,
        time_scale=options.timeout_scale,
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


def _said(answer: Answer) -> str:
    lines = [text for _, text in answer.foreign]
    return "\n".join(["the kernel's own log records:", *(f"    {line}" for line in lines)])


def _located(error: GuestError, unit: Unit, steps_begun: int) -> GuestError:
    """Return the error with the step that the guest began last, if it told of one."""
    step = next((step for step in unit.case.walk() if step.index == steps_begun - 1), None)
    if step is None:
        return error
    # Unless it stands still, it may have come further since it told.
    when = "last begun" if error.stands_still else "begun at least"
    return GuestError(f"{error.message}; {when}: step {step.index} {step.op} ({step.place})", details=error.details)


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
                losses = 0
            except GuestError as error:
                if self._guests.stopping.is_set():
                    return
                done = before - len(self._waiting)
                losses = losses + 1 if done <= 1 else 1
                # A guest that did not come as far as a unit will not do so the next time either.
                if done == 0:
                    self._give_up(error)
                elif losses == _LOSSES:
                    why = f"not run: its machine lost {losses} guests in a row, the last so: {error.message}"
                    self._give_up(GuestError(why, details=error.details))

    def _give_up(self, error: GuestError) -> None:
        """Give the units that still wait, and that no guest will run, this error."""
        for unit in self._waiting:
            self._finished(without_report(unit, self._machine.kernel, error, release=self._release))
        self._waiting.clear()

    def _scaled(self, seconds: float) -> Deadline:
        return Deadline.after(seconds * self._machine.time_scale)

    def _use_one_guest(self) -> None:
        machine = self._machine
        with self._guests.start(machine.boot) as guest:
            line = SerialLine(guest, machine.time_scale)
            self._release = line.handshake(self._scaled(_BOOT))
            guest.symbols = names.of_kernel(machine.cache, machine.boot, line, self._scaled(_ANSWER))
            line.load(machine.module, self._scaled(_ANSWER))
            guest.symbols = names.with_module(guest.symbols, machine.module, line, self._scaled(_ANSWER))
            fresh = True
            while self._waiting and fresh:
                fresh = self._run(line, self._waiting[0])

    def _run(self, line: SerialLine, unit: Unit) -> bool:
        """Run the first waiting unit; return whether its guest is as good as a fresh one for the next.

        A guest that dies in it ends the unit as an error and is raised.
        """
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
            complained = complaint(answer)
            unexpected = complaint(answer, warnings_allowed=unit.scenario.kernel_warnings)
            if unexpected:
                raise GuestError(f"{unit.arch}: {unexpected}", details=_said(answer))
        except GuestError as error:
            if not self._guests.stopping.is_set():
                lost(_located(error, unit, line.steps_begun))
            raise
        try:
            observed = report.parse(answer, unit.case, run=self._runs, api=unit.api, personality=unit.arch)
        except GuestError as error:
            lost(error)
            return True
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
        # A kernel warns of some things only once: the next unit must see them, too.
        return complained is None
