# SPDX-License-Identifier: GPL-2.0-only
"""A machine: one architecture's guests with one kernel, and the module that they load. Nothing here runs units."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import Architecture, architectures, machine_name
from lazymmu.guests import accelerator
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.transports import Transport
from lazymmu.guests.transports.serial import SERIAL
from lazymmu.guests.watchdog import SILENCE
from lazymmu.provision import builds, kernels
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline

# Limit for the trial of an accelerator (seconds), multiplied by --timeout-scale.
_TRIAL = 30.0


class GuestFile(Struct, frozen=True):
    """A file for a guest, such as those that every guest of a machine gets together with the module."""

    #: Where it is in the guest.
    path: str
    mode: int
    content: bytes
    #: A digest of the content, which tells one snapshot from another.
    key: str = ""


class Machine(Struct, frozen=True):
    """Everything that guests of one architecture and kernel are started from, and the module that they load."""

    boot: Boot
    module: bytes
    #: Parameters with which the module is loaded.
    parameters: str
    #: True if an earlier run built the module and the files, so that a snapshot with them will probably be used again.
    built_before: bool
    kernel: InstalledKernel
    images: Images
    #: Multiplies every time limit.
    time_scale: float
    transport: Transport = SERIAL
    files: tuple[GuestFile, ...] = ()

    @property
    def name(self) -> str:
        """The name in messages: the architecture, and the kernel unless it is the default."""
        return self.boot.name

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline after so many seconds, multiplied by the machine's scale."""
        return Deadline.after(seconds * self.time_scale)


def untried_boot(sandbox: Sandbox, architecture: Architecture, image: Path) -> Boot:
    """Return the boot of an architecture's guests before an accelerator is chosen."""
    archive = builds.archive_path(sandbox, architecture)
    return Boot(architecture, sandbox, image, archive, accelerator.tcg("not tried yet"))


def prepare(
    images: Images,
    arch: str,
    time_scale: float,
    guests: RunningGuests,
    *,
    transport: Transport = SERIAL,
    variant: builds.Variant = builds.PLAIN,
    meanwhile: Callable[[Machine], object] | None = None,
) -> Machine:
    """Build the module of one architecture's guests and choose their accelerator. Raises SetupError.

    While the module is built, `meanwhile` is called in another thread, with the machine that still lacks it.
    """
    images.ready(arch)
    architecture, kernel, sandbox = architectures()[arch], images.kernels[arch], images.sandboxes[arch]
    boot = untried_boot(sandbox, architecture, kernel.image)
    boot = replace(boot, label=machine_name(arch, kernel.name), kernel_arguments=kernel.arguments)
    # Real hardware boots in a second, so a slower accelerator is no better than emulation. The outcome is kept, so
    # neither a small scale nor a busy host may spoil it.
    trial_scale = max(1.0, time_scale)

    def start(trial: Boot) -> AbstractContextManager[Guest]:
        _ensure_bootable(images, kernel, architecture)
        return guests.start(trial)

    chosen = accelerator.choose(
        images.cache,
        boot,
        start,
        lambda guest: AgentConnection(guest, trial_scale).handshake(Deadline.after(_TRIAL * trial_scale), SILENCE),
    )
    path = builds.module_path(sandbox, architecture, kernel, variant=variant)
    is_built = path.exists()
    machine = Machine(
        boot=transport.adapt_boot(replace(boot, accelerator=chosen), kernel),
        module=b"",
        parameters=variant.parameters,
        built_before=is_built and variant == builds.PLAIN,
        kernel=kernel,
        images=images,
        time_scale=time_scale,
        transport=transport,
    )
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = None if is_built or meanwhile is None else pool.submit(meanwhile, machine)
        module = builds.module(images.cache, sandbox, architecture, kernel, variant=variant, target=path)
    if other is not None:
        other.result()
    return replace(machine, module=module.read_bytes())


def _ensure_bootable(images: Images, kernel: InstalledKernel, architecture: Architecture) -> None:
    kernels.verify(kernel)
    builds.archive(images.cache, images.sandboxes[architecture.name], architecture)


def ensure_bootable(machine: Machine) -> None:
    """Make what a guest needs to boot, but not to be restored. Raises SetupError."""
    _ensure_bootable(machine.images, machine.kernel, machine.boot.architecture)
    machine.transport.ensure_bootable(machine.images, machine.boot, machine.kernel)
