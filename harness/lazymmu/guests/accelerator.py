# SPDX-License-Identifier: GPL-2.0-only
"""Chooses between KVM and emulation: KVM only if a trial run shows that it works here.

/dev/kvm can lie: it opens, creates a machine, even prints the kernel's first lines, and then QEMU aborts, or stops with
an internal error. So the trial boots a guest until its agent answers. Its outcome is kept until the host boots again,
unless the host was too busy for a trial.
"""

import json
import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec.structs import replace

from lazymmu.guests.boot import Accelerator, Boot
from lazymmu.guests.qemu import Guest
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.keys import digest
from lazymmu.support.errors import GuestError, HostStarved, SetupError

#: Waits until a guest's agent answers. Raises GuestError if it does not.
Trial = Callable[[Guest], object]

#: Runs a guest for the length of a `with`.
Start = Callable[[Boot], AbstractContextManager[Guest]]

_DEVICE = Path("/dev/kvm")
_WHAT = "trial of KVM"


def tcg(reason: str) -> Accelerator:
    """Return emulation, which works everywhere."""
    return Accelerator(name="tcg", reason=reason)


def _failure(boot: Boot, start: Start, trial: Trial) -> str | None:
    """Return why KVM cannot run this guest here, None if it can.

    Raises GuestError if that is unknown: QEMU did not start, or the host was too busy.
    """
    kvm = Accelerator(name="kvm", reason="trial")
    with start(replace(boot, accelerator=kvm)) as guest:
        try:
            trial(guest)
        except HostStarved:
            raise
        except GuestError as error:
            lines = [line.strip() for line in guest.stderr().splitlines() if line.strip()]
            return f"{error.message} ({lines[0]})" if lines else error.message
    return None


def without_kvm(boot: Boot, device: Path = _DEVICE) -> Accelerator | None:
    """Return emulation if this host cannot try KVM for this guest, None if it can."""
    architecture = boot.architecture
    if platform.machine() != architecture.host_machine:
        return tcg(f"this host is {platform.machine()}, KVM for {architecture.name} needs {architecture.host_machine}")
    if not os.access(device, os.R_OK | os.W_OK):
        return tcg(f"{device} does not exist" if not device.exists() else f"this user may not open {device}")
    return None


def earlier_trial(cache: Cache, boot: Boot, device: Path = _DEVICE) -> Accelerator | None:
    """Return what a trial found since the host booted, None if there was none."""
    outcome = _outcome(cache, boot)
    return _tried(json.loads(outcome.read_bytes()), device) if whole(outcome) else None


def choose(cache: Cache, boot: Boot, start: Start, trial: Trial, device: Path = _DEVICE) -> Accelerator:
    """Return the accelerator for this guest on this host, with the reason."""
    if emulation := without_kvm(boot, device):
        return emulation

    def build(target: Path) -> None:
        target.write_text(json.dumps(_failure(boot, start, trial)), encoding="utf-8")

    try:
        try:
            failure = json.loads(cache.obtain(_outcome(cache, boot), _WHAT, build).read_bytes())
        except SetupError:
            # The cache cannot be written, so every run needs a trial.
            cache.tools.check(_WHAT)
            failure = _failure(boot, start, trial)
    except GuestError as error:
        # Do not keep it: the next run may find the host idle.
        cache.tools.check(_WHAT)
        return tcg(f"{device} could not be tried: {error.message}")
    return _tried(failure, device)


def _outcome(cache: Cache, boot: Boot) -> Path:
    """Return the file that keeps the outcome of a trial."""
    host_boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # The label is only for messages.
    return cache.root / "kvm" / digest([host_boot, str(replace(boot, label="")), str(os.geteuid())])


def _tried(failure: str | None, device: Path) -> Accelerator:
    if failure is not None:
        return tcg(f"{device} does not work: {failure}")
    return Accelerator(name="kvm", reason=f"a trial run on {device} worked")
