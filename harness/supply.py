# SPDX-License-Identifier: GPL-2.0-only
"""Ready guests for one machine: restored from its snapshot, which is saved first where there is none, or booted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.deadline import Deadline
from harness.core.errors import GuestError, SetupError
from harness.guests import Guests
from harness.images import builds, checksum, kernels
from harness.images.catalogue import Architecture, architectures
from harness.images.inventory import SNAPSHOTS, beyond, stored
from harness.images.kernels import InstalledKernel
from harness.images.sandbox import Sandbox
from harness.images.setup import Images
from harness.machine import accelerator, snapshot
from harness.machine.boot import Boot, Memory
from harness.machine.patience import SILENCE
from harness.machine.qemu import Guest
from harness.machine.symbols import Symbols
from harness.transport import names
from harness.transport.serial import SerialLine

# Budgets in seconds, multiplied by --timeout-scale. They bound a guest that shows life and yet never comes to an end,
# and a host that is too slow; one that hangs is found long before (harness/machine/patience.py).
_BOOT = 120.0
_TRIAL = 30.0
_ANSWER = 120.0
# Random bytes that a restored guest needs (guest/agent/requests.c), for all draw from the same pool.
_ENTROPY = 32
#: Bytes on disk while a snapshot is saved: the memory, what of it is not zero, and the state.
SNAPSHOT_NEEDS = 320_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """One architecture's guests, ready to be started, and the module that goes into them."""

    boot: Boot
    module: bytes
    kernel: InstalledKernel
    images: Images
    #: Multiplies every time limit.
    time_scale: float

    @property
    def name(self) -> str:
        """The architecture's name."""
        return self.boot.architecture.name


def untried(sandbox: Sandbox, architecture: Architecture, image: Path) -> Boot:
    """Return what the guests of a machine are started from, before its accelerator is chosen."""
    archive = builds.archive_path(sandbox, architecture)
    return Boot(architecture, sandbox, image, archive, accelerator.tcg("not tried yet"))


def prepare(images: Images, arch: str, time_scale: float, guests: Guests) -> Machine:
    """Build the module of one architecture's guests and choose their accelerator."""
    architecture, kernel = architectures()[arch], images.kernels[arch]
    boot = untried(images.sandbox, architecture, kernel.image)
    # Real hardware boots in a second; one that is silent for longer may as well be emulated. The answer is kept, so a
    # smaller scale must not spoil it, nor a busy host.
    scale = max(1.0, time_scale)

    @contextmanager
    def started(trial: Boot) -> Iterator[Guest]:
        _bootable(images, kernel, architecture)
        with guests.start(trial) as guest:
            yield guest

    chosen = accelerator.choose(
        images.cache,
        boot,
        started,
        lambda guest: SerialLine(guest, scale).handshake(Deadline.after(_TRIAL * scale), SILENCE),
    )
    return Machine(
        boot=replace(boot, accelerator=chosen),
        module=builds.module(images.cache, images.sandbox, architecture, kernel).read_bytes(),
        kernel=kernel,
        images=images,
        time_scale=time_scale,
    )


def _bootable(images: Images, kernel: InstalledKernel, architecture: Architecture) -> None:
    kernels.verify(images.cache, kernel)
    builds.archive(images.cache, images.sandbox, architecture)


def make_bootable(machine: Machine) -> None:
    """See to it that a boot finds what it needs, which a restored guest does not. Raises SetupError."""
    _bootable(machine.images, machine.kernel, machine.boot.architecture)


class Supply:
    """Gives ready guests of one machine; `changed` is told what it does meanwhile, in a few words."""

    def __init__(self, machine: Machine, guests: Guests, changed: Callable[[str], None], *, restore: bool) -> None:
        self._machine = machine
        self._guests = guests
        self._changed = changed
        #: Whether guests are restored; no more when no snapshot can be had.
        self._restore = restore
        self._rebuilt = self._saved = False
        #: Look at the whole snapshot before the next guest.
        self._doubted = False

    def doubt(self) -> None:
        """Note that a guest died: a snapshot of which a byte is wrong loads without a word."""
        self._doubted = True

    @contextmanager
    def ready(self) -> Iterator[SerialLine]:
        """Run a guest with the module loaded for the length of a `with`. Raises GuestError, SetupError."""
        machine = self._machine
        with ExitStack() as stack:
            line = (self._restored(stack) if self._restore else None) or self._booted(stack)
            line.loaded(self._scaled(_ANSWER))
            place = names.module_place(line, self._scaled(_ANSWER))
            kernel = names.of_kernel(machine.images.cache, machine.boot, line, self._scaled(_ANSWER))
            line.guest.symbols = lambda: kernel() + Symbols.of_module(machine.module, place)
            self._changed("running")
            yield line

    def _scaled(self, seconds: float) -> Deadline:
        return Deadline.after(seconds * self._machine.time_scale)

    def _booted(self, stack: ExitStack) -> SerialLine:
        """Boot a guest that ends with `stack`."""
        self._changed("booting")
        return self._loading(self._boot(stack, None))

    def _boot(self, stack: ExitStack, memory: Memory | None) -> SerialLine:
        machine = self._machine
        make_bootable(machine)
        line = self._line(stack.enter_context(self._guests.start(machine.boot, memory)))
        line.handshake(self._scaled(_BOOT))
        return line

    def _line(self, guest: Guest) -> SerialLine:
        """Return the line to a guest that was just started."""
        guest.symbols = names.kept(self._machine.images.cache, self._machine.boot)
        return SerialLine(guest, self._machine.time_scale)

    def _restored(self, stack: ExitStack) -> SerialLine | None:
        """Restore a guest that ends with `stack`; None when no snapshot can be had, or none loads."""
        while self._restore:
            file = self._snapshot()
            if file is None:
                break
            self._changed("restoring")
            with ExitStack() as attempt:
                guest = attempt.enter_context(self._guests.start(self._machine.boot, Memory(file, restored=True)))
                try:
                    line = self._wake(guest)
                except GuestError as error:
                    # A host that is too slow, or somebody who stops QEMU, is not the snapshot's fault.
                    if self._guests.stopping.is_set() or error.starved or guest.meddled_with():
                        raise
                    self._refuse(file, error)
                else:
                    stack.enter_context(attempt.pop_all())
                    return line
        self._restore = False
        return None

    def _wake(self, guest: Guest) -> SerialLine:
        """Give a restored guest the time and random numbers of its own, and wait until it has them."""
        line = self._line(guest)
        line.send("wake", f"{time.time_ns()}\n".encode() + os.urandom(_ENTROPY))
        self._loading(line)
        line.awake(self._scaled(_ANSWER))
        return line

    def _loading(self, line: SerialLine) -> SerialLine:
        """Send the module, so that the guest does not wait for it; the answers come to `ready`."""
        line.send("load", self._machine.module)
        names.ask_module(line)
        return line

    def _refuse(self, file: Path, error: GuestError) -> None:
        """Remove a snapshot that does not load, to be saved anew once; the second time guests boot instead."""
        cache, name = self._machine.images.cache, self._machine.name
        if self._rebuilt:
            cache.progress.say(f"{name}: the new snapshot does not load either, so guests boot: {error.message}")
            self._restore = False
            return
        self._rebuilt = True
        cache.progress.say(f"{name}: the snapshot {file} does not load and is saved anew: {error.message}")
        cache.discard(file, self._what())

    def _what(self) -> str:
        return f"snapshot of {self._machine.name}"

    def _snapshot(self) -> Path | None:
        """Return the machine's snapshot, saved first if there is none; None when the cache cannot take it."""
        cache, target = self._machine.images.cache, snapshot.path(self._machine.boot)
        look = checksum.mismatch if self._doubted else checksum.glance
        self._doubted = False
        try:
            cache.obtain(target, self._what(), self._save, needs=SNAPSHOT_NEEDS, look=look)
        except SetupError as error:
            cache.tools.check(self._what())
            cache.progress.say(f"{self._machine.name}: no snapshot can be kept, so guests boot: {error.message}")
            return None
        if self._saved:
            self._saved = False
            self._drop_old(target.parent)
        return target

    def _drop_old(self, folder: Path) -> None:
        """Remove the snapshots for which their limit leaves no room; guests that came from one are not disturbed."""
        for removal in beyond(stored(folder, SNAPSHOTS), SNAPSHOTS.limit):
            # What cannot be removed now goes with a later one, or by `lazymmu clean`.
            with suppress(SetupError, OSError):
                self._machine.images.cache.discard(removal.path, "old snapshot")

    def _save(self, target: Path) -> None:
        """Boot a guest and save it when its agent waits."""
        memory = target.with_name("memory")
        with memory.open("wb") as file:
            # A guest whose memory finds no room on the disk would die of it.
            os.posix_fallocate(file.fileno(), 0, self._machine.boot.memory_size)
        self._changed("booting, for a snapshot")
        with ExitStack() as stack:
            line = self._boot(stack, Memory(memory, restored=False))
            line.settle(self._scaled(_ANSWER))
            self._changed("saving a snapshot")
            snapshot.save(line.guest, memory, target)
        self._saved = True
