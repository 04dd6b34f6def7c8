# SPDX-License-Identifier: GPL-2.0-only
"""Checks what would execute the instructions of each architecture's guests: KVM or emulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec import field

from lazymmu.architecture import architectures
from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State, guarded
from lazymmu.guests import accelerator
from lazymmu.guests.boot import Accelerator
from lazymmu.guests.machine import prepare, untried_boot
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.checksum import Look, mismatch
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.support.errors import LazymmuError
from lazymmu.support.machine_names import machine_name


class _Untried(LazymmuError):
    """No run has tried KVM for this guest since the host booted."""


class _EarlierTrials(Cache, frozen=True):
    """A cache that gives the outcomes of earlier trials and makes none."""

    used: list[Path] = field(default_factory=list)

    def obtain(
        self,
        target: Path,
        what: str,
        _build: Callable[[Path], None],
        *,
        needs: int = 0,
        look: Look = mismatch,
    ) -> Path:
        if not whole(target, look):
            raise _Untried(f"no {what} yet")
        self.used.append(target)
        return target


def accelerators(state: CacheState, sandbox: Sandbox | None) -> Iterator[Check]:
    """Check what would execute the instructions of each architecture, and why."""
    for arch in state.usable_arches:
        name = f"accelerator {machine_name(arch, state.kernel.name)}"
        yield from guarded(name, partial(_accelerator, name, state, sandbox, arch), blocks=False)


def _accelerator(name: str, state: CacheState, sandbox: Sandbox | None, arch: str) -> Iterator[Check]:
    box = sandbox or Sandbox(name="bwrap", root=state.root or Path("/"))
    kernel = state.installed.get(arch)
    boot = untried_boot(box, architectures()[arch], kernel.image if kernel else box.root / "none")
    cache = _EarlierTrials(state.cache.root, state.cache.progress)
    when = ""
    try:
        chosen = accelerator.choose(cache, boot, RunningGuests().start, lambda _: None)
        when = "; an earlier run tried it" if cache.used else ""
    except _Untried:
        if sandbox and state.archives.get(arch) and state.modules.get(arch):
            # A run does the same. It builds nothing, since archive and module are present.
            images = Images(state.cache, {arch: sandbox}, state.installed, name=state.kernel.name)
            chosen, when = prepare(images, arch, 1.0, RunningGuests()).boot.accelerator, "; tried now"
        else:
            chosen = Accelerator("unknown", "/dev/kvm is usable; the first run tries it")
    yield Check(
        name,
        State.NOTE if chosen.name == "unknown" else State.OK,
        f"{chosen.name} ({chosen.reason}){when}",
        facts={"arch": arch, "accelerator": chosen.name, "reason": chosen.reason, "cached": bool(cache.used)},
    )
