# SPDX-License-Identifier: GPL-2.0-only
"""Chooses what runs a guest: KVM only where a trial run shows that it works, else emulation.

/dev/kvm can lie: it opens, creates a machine, and then QEMU aborts or stops with an internal error. So the guest's own
kernel is started under KVM until it prints its first line. The outcome is kept until the host boots again.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

from harness.core.errors import GuestError
from harness.images.cache import Cache, digest
from harness.machine.qemu import Accelerator, Boot, start

# How long a kernel under KVM may take to its first line (seconds); real ones need less than one.
_TRIAL = 5.0
_TCG_SCALE = 4.0


def tcg(reason: str) -> Accelerator:
    """Return emulation, which works everywhere."""
    return Accelerator(name="tcg", reason=reason, time_scale=_TCG_SCALE)


def _trial(boot: Boot) -> str | None:
    """Return why KVM cannot run this guest here, None when it can."""
    kvm = Accelerator(name="kvm", reason="trial", time_scale=1.0)
    try:
        with start(replace(boot, accelerator=kvm)) as guest:
            if guest.console.kernel_spoke(_TRIAL):
                return None
            said = [line for line in guest.stderr().splitlines() if line.strip()]
            if guest.exit_status() is not None:
                return said[0] if said else f"QEMU exited with status {guest.exit_status()}"
            return said[0] if said else f"the kernel printed nothing in {_TRIAL:.0f} s"
    except GuestError as error:
        return error.message


def choose(cache: Cache, boot: Boot, device: Path = Path("/dev/kvm")) -> Accelerator:
    """Return the accelerator for this guest on this host, with the reason."""
    architecture = boot.architecture
    if platform.machine() != architecture.host_machine:
        return tcg(f"this host is {platform.machine()}, KVM for {architecture.name} needs {architecture.host_machine}")
    if not os.access(device, os.R_OK | os.W_OK):
        return tcg(f"{device} is not there" if not device.exists() else f"{device} may not be opened by this user")
    booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    key = digest([booted, architecture.name, str(boot.kernel), boot.sandbox.name, str(os.geteuid())])

    def build(target: Path) -> None:
        target.write_text(json.dumps(_trial(boot)), encoding="utf-8")

    reason = json.loads(cache.obtain(cache.root / "kvm" / key, "trial of KVM", build).read_text(encoding="utf-8"))
    if reason is not None:
        return tcg(f"{device} does not work: {reason}")
    return Accelerator(name="kvm", reason=f"a trial run on {device} worked", time_scale=1.0)
