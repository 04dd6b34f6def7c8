# SPDX-License-Identifier: GPL-2.0-only
"""A kernel module that breaks a guest on request, and what builds it and starts guests for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.guests import qemu
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.machine import ensure_bootable, prepare
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import builds, catalogue, setup
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.progress import Progress
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from msgspec import Struct
from msgspec.structs import replace

SOURCE = Path(__file__).parent / "module"
_BOOT = 60.0
_LAST_WORDS = 2.0
# The kernel's own detectors of hangs are slower than the harness's.
_PATIENT = 20.0


class Faulty(Struct, frozen=True):
    """What one architecture's guest with the fault module is started from."""

    boot: Boot
    module: bytes

    @contextmanager
    def start(self, kernel_arguments: Sequence[str] = ()) -> Iterator[tuple[Guest, AgentConnection]]:
        """Run a guest whose agent waits for a module."""
        boot = replace(self.boot, kernel_arguments=(*self.boot.kernel_arguments, *kernel_arguments))
        with qemu.start(boot) as guest:
            line = AgentConnection(guest, scale=_PATIENT)
            line.handshake(Deadline.after(_BOOT))
            yield guest, line

    def console(self, faults: Sequence[str], *kernel_arguments: str, seconds: float = 20.0) -> str:
        """Return what a guest's console says of these faults, one after the other, each in so many seconds."""
        with self.start(kernel_arguments) as (guest, line):
            for fault in faults:
                # A fault's load never ends well.
                with suppress(GuestError):
                    line.send("load", self.module, f"fault={fault}")
                    line.await_load(Deadline.after(seconds))
            guest.console.wait_for_end(_LAST_WORDS)
            return guest.console.text()


def faulty(arch: str) -> Faulty:
    """Build the fault module, and what its guest needs, for one architecture."""
    architecture = architectures()[arch]
    images = setup.prepare(Cache(default_root(), Progress()), catalogue.kernel("lts"), [arch])
    machine = prepare(images, arch, 1.0, RunningGuests())
    ensure_bootable(machine)
    kernel = images.kernels[arch]
    module = builds.module(images.cache, images.sandboxes[arch], architecture, kernel, source=SOURCE, name="faults")
    return Faulty(boot=machine.boot, module=module.read_bytes())
