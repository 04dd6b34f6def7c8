# SPDX-License-Identifier: GPL-2.0-only
"""The measurements, one small function for each figure. A new figure is a new row in ROWS.

The harness is measured through `session.scheduler`, which `lazymmu run` uses, too; every result must pass, and the
baseline's answers must be as the model predicts. One guest of one architecture runs at a time.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.bench import baselines
from lazymmu.guests import snapshot
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine
from lazymmu.provision import builds, cpio
from lazymmu.provision.keys import digest
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.scenario import load
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.subject.case import Case, Step
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import GuestError, LazymmuError, Place
from lazymmu.support.interrupts import Interrupts

_API = "merged"
_FOLDER = Path(__file__).parent
# A scenario of the folder.
_FIRST = "first"
# What the obvious way runs, so many times after a first round that does not count.
_OPERATIONS = ("enable", "flush", "disable", "pause", "resume")
_ROUNDS = 4
# Seconds that a baseline's guest may be silent; it has no watchdog.
_SILENCE = 120.0
# One guest, so that the figure does not depend on the host's memory and processors.
_BATCH = Options(jobs=1)


class Bench(Struct, frozen=True):
    """What all measurements use: images, machines and busybox of each architecture."""

    images: Images
    machines: dict[str, Machine]
    shells: dict[str, Path]


def units(arch: str, *names: str) -> list[Unit]:
    """Return the cases of these scenarios of this folder, in their order."""
    found = [load([name], _FOLDER)[0] for name in names]
    cases = ((scenario, number) for scenario in found for number in range(len(scenario.cases)))
    return [Unit(scenario, number, _API, arch, index=index) for index, (scenario, number) in enumerate(cases)]


def ends(bench: Bench, units: Sequence[Unit], options: Options) -> list[float]:
    """Run units. Returns the seconds from the start to each unit's end.

    Raises LazymmuError if one does not pass, KeyboardInterrupt for an interrupt.
    """
    seconds: list[float] = []
    wrong: list[Result] = []

    def finished(result: Result) -> None:
        seconds.append(time.monotonic() - begin)
        if result.outcome is not Outcome.PASS:
            wrong.append(result)

    with Interrupts.noted() as interrupts:
        begin = time.monotonic()
        Schedule(units, {bench.images.name: bench.images}, options, finished).run(interrupts)
    if interrupts.came:
        raise KeyboardInterrupt
    if wrong:
        raise LazymmuError(f"{wrong[0].label()} did not pass, so nothing is measured: {wrong[0].reason}")
    return seconds


def _boot(bench: Bench, arch: str) -> float:
    return ends(bench, units(arch, _FIRST), Options(fresh_boot=True))[0]


def restored(bench: Bench, arch: str) -> float:
    """Return the seconds from the start of a run to its first verdict; the very first run saves the snapshot."""
    return ends(bench, units(arch, _FIRST), Options())[0]


def _bare(bench: Bench, arch: str) -> float:
    boot = bench.machines[arch].boot
    file = snapshot.path(boot)
    return baselines.restore(boot, Memory(file, file), _SILENCE)


def _rate(bench: Bench, arch: str, *, scenario: str, size: Callable[[Unit], int]) -> float:
    """Return how much was done in a second after the first verdict; `size` is how much a unit is."""
    selected = units(arch, _FIRST, scenario)
    seconds = ends(bench, selected, _BATCH)
    return sum(map(size, selected[1:])) / (seconds[-1] - seconds[0])


def one_step(operation: str) -> Case:
    """Return the case that consists of one operation."""
    return Case(values={}, steps=(Step(index=0, op=operation, place=Place("bench", 1, 1)),))


def _obvious(bench: Bench, arch: str) -> float:
    machine = bench.machines[arch]
    busybox = bench.shells[arch].read_bytes()
    root, personality = machine.boot.sandbox.root, machine.boot.architecture.personality
    content = cpio.initramfs(baselines.files(busybox, machine.module), folders=["bin"])
    path = root / "lazymmu" / "archives" / f"{digest([content])}.cpio"

    def build(target: Path) -> None:
        target.write_bytes(content)

    archive = bench.images.cache.obtain(path, f"guest archive with a shell for {arch}", build, needs=builds.NEEDS)
    with baselines.shell(replace(machine.boot, archive=archive), _SILENCE) as guest:
        for operation in _OPERATIONS:
            guest.step(_API, personality, operation)
        begin = time.monotonic()
        observed = [guest.step(_API, personality, operation) for operation in _OPERATIONS * _ROUNDS]
        seconds = time.monotonic() - begin
    for step in observed:
        predicted = predict(one_step(step.operation), _API, personality)
        counters = {name: value for name, value in predicted.counters.items() if value}
        if (step.hooks, step.counters) != (predicted.hooks, counters):
            raise GuestError(f"{arch}: the obvious way saw {step}, the model says {predicted.hooks} {counters}")
    return len(observed) / seconds


BOOT = "boot to first verdict"
RESTORE = "restore to first verdict"
BARE = "bare QEMU, restore to an answered byte"
CASES = "cases in a batch, with their full trace"
STEPS = "steps in a batch, with their full trace"
OBVIOUS = "steps the obvious way (a shell command each, by pexpect)"

#: Name of a figure -> its unit ("s" or "1/s"), and the function that measures it once on one architecture.
ROWS: dict[str, tuple[str, Callable[[Bench, str], float]]] = {
    BOOT: ("s", _boot),
    RESTORE: ("s", restored),
    BARE: ("s", _bare),
    CASES: ("1/s", partial(_rate, scenario="cases", size=lambda _: 1)),
    STEPS: ("1/s", partial(_rate, scenario="steps", size=lambda unit: sum(1 for _ in unit.case.walk()))),
    OBVIOUS: ("1/s", _obvious),
}
#: Name of a ratio -> the figure that is divided, and the one by which.
RATIOS = {
    "restore to first verdict / bare QEMU": (RESTORE, BARE),
    "steps in a batch / steps the obvious way": (STEPS, OBVIOUS),
}
