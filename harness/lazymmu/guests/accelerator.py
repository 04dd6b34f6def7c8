# SPDX-License-Identifier: GPL-2.0-only
"""Chooses what runs a guest: KVM only where a trial run shows that it works, else emulation.

/dev/kvm can lie: it opens, creates a machine, even prints the kernel's first lines, and then QEMU aborts or stops
with an internal error. So the guest is booted under KVM until its agent answers. The outcome is kept until the host
boots again, unless the host was too busy for one.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec.structs import replace

from lazymmu.guests.boot import Accelerator, Boot
from lazymmu.guests.qemu import Guest
from lazymmu.provision.cache import Cache, digest
from lazymmu.support.errors import GuestError, HostStarved, SetupError

#: Waits until a guest's agent answers; raises GuestError when it does not.
Trial = Callable[[Guest], object]

#: Runs a guest for the length of a `with`.
Start = Callable[[Boot], AbstractContextManager[Guest]]


def tcg(reason: str) -> Accelerator:
    """Return emulation, which works everywhere."""
    return Accelerator(name="tcg", reason=reason)


def _failure(boot: Boot, start: Start, trial: Trial) -> GuestError | None:
    """Return why KVM cannot run this guest here, None when it can.

    Raises GuestError when QEMU could not even be started, which is no word about KVM.
    """
    kvm = Accelerator(name="kvm", reason="trial")
    with start(replace(boot, accelerator=kvm)) as guest:
        try:
            trial(guest)
        except GuestError as error:
            said = next((f" ({line.strip()})" for line in guest.stderr().splitlines() if line.strip()), "")
            return type(error)(f"{error.message}{said}")
    return None


def choose(cache: Cache, boot: Boot, start: Start, trial: Trial, device: Path = Path("/dev/kvm")) -> Accelerator:
    """Return the accelerator for this guest on this host, with the reason."""
    architecture = boot.architecture
    if platform.machine() != architecture.host_machine:
        return tcg(f"this host is {platform.machine()}, KVM for {architecture.name} needs {architecture.host_machine}")
    if not os.access(device, os.R_OK | os.W_OK):
        return tcg(f"{device} is not there" if not device.exists() else f"{device} may not be opened by this user")
    booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # Its name for a person is no part of what it is.
    key = digest([booted, str(replace(boot, label="")), str(os.geteuid())])

    def tried() -> str | None:
        """Return why KVM does not work here; raises GuestError when the host was too busy to tell."""
        failure = _failure(boot, start, trial)
        if isinstance(failure, HostStarved):
            raise failure
        return None if failure is None else failure.message

    def build(target: Path) -> None:
        target.write_text(json.dumps(tried()), encoding="utf-8")

    try:
        try:
            kept = cache.obtain(cache.root / "kvm" / key, "trial of KVM", build)
            reason = json.loads(kept.read_text(encoding="utf-8"))
        except SetupError:
            # A cache that cannot be written takes no answer: it is found anew each time.
            cache.tools.check("trial of KVM")
            reason = tried()
    except GuestError as error:
        # Not kept: the next run may find the host idle.
        cache.tools.check("trial of KVM")
        return tcg(f"{device} could not be tried: {error.message}")
    if reason is not None:
        return tcg(f"{device} does not work: {reason}")
    return Accelerator(name="kvm", reason=f"a trial run on {device} worked")
