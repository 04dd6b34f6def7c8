# SPDX-License-Identifier: GPL-2.0-only
"""One architecture's guests and the module that goes into them, before any guest runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import Architecture, architectures
from lazymmu.guests import accelerator
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.transport import Transport
from lazymmu.guests.watchdog import SILENCE
from lazymmu.provision import builds, kernels
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline
from lazymmu.support.machine_names import machine_name

# Bounds the trial of an accelerator (seconds), multiplied by --timeout-scale.
_TRIAL = 30.0


class GuestFile(Struct, frozen=True):
    """A file that guests get with the module: it is in the snapshot that has the module, too."""

    #: Where it lands in the guest.
    path: str
    mode: int
    content: bytes
    #: Tells its content from any other.
    key: str


class Machine(Struct, frozen=True):
    """One architecture's guests, ready to be started, and the module that goes into them."""

    boot: Boot
    module: bytes
    #: What the module is loaded with.
    parameters: str
    #: Whether the module and the files are those of an earlier run, and will be those of others: they are worth a
    #: snapshot of their own.
    built_before: bool
    kernel: InstalledKernel
    images: Images
    #: Multiplies every time limit.
    time_scale: float
    #: How the agent is reached; None is the channel of the guest's init.
    transport: Transport | None = None
    files: tuple[GuestFile, ...] = ()

    @property
    def name(self) -> str:
        """Its name for a person: its architecture, and its kernel when that is not the usual one."""
        return self.boot.name

    def within(self, seconds: float) -> Deadline:
        """Return the deadline that is so many seconds away, by this machine's scale."""
        return Deadline.after(seconds * self.time_scale)


def untried_boot(sandbox: Sandbox, architecture: Architecture, image: Path) -> Boot:
    """Return what the guests of a machine are started from, before its accelerator is chosen."""
    archive = builds.archive_path(sandbox, architecture)
    return Boot(architecture, sandbox, image, archive, accelerator.tcg("not tried yet"))


def prepare(
    images: Images,
    arch: str,
    time_scale: float,
    guests: RunningGuests,
    *,
    transport: Transport | None = None,
    variant: builds.Variant = builds.PLAIN,
) -> Machine:
    """Build the module of one architecture's guests and choose their accelerator."""
    architecture, kernel, sandbox = architectures()[arch], images.kernels[arch], images.sandboxes[arch]
    boot = replace(untried_boot(sandbox, architecture, kernel.image), label=machine_name(arch, kernel.name))
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
        lambda guest: AgentConnection(guest, scale).handshake(Deadline.after(_TRIAL * scale), SILENCE),
    )
    path = builds.module_path(sandbox, architecture, kernel, variant=variant)
    found = path.exists()
    fitted = replace(boot, accelerator=chosen)
    if transport is not None:
        fitted = transport.fitted(fitted, kernel)
    return Machine(
        boot=fitted,
        module=builds.module(images.cache, sandbox, architecture, kernel, variant=variant, target=path).read_bytes(),
        parameters=variant.parameters,
        built_before=found and variant == builds.PLAIN,
        kernel=kernel,
        images=images,
        time_scale=time_scale,
        transport=transport,
    )


def _bootable(images: Images, kernel: InstalledKernel, architecture: Architecture) -> None:
    kernels.verify(images.cache, kernel)
    builds.archive(images.cache, images.sandboxes[architecture.name], architecture)


def ensure_bootable(machine: Machine) -> None:
    """See to it that a boot finds what it needs, which a restored guest does not. Raises SetupError."""
    _bootable(machine.images, machine.kernel, machine.boot.architecture)
    if machine.transport is not None:
        machine.transport.ensure_bootable(machine.images, machine.boot, machine.kernel)
