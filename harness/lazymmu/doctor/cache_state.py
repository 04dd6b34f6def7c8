# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the cache holds for a run, and so what the run would fetch and build first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from lazymmu.architecture import architectures, default_names
from lazymmu.provision import builds, kernels, tool_root
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.resolution_cache import now, resolutions
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import LazymmuError


class CacheState(Struct):
    """What the cache holds for a run of one kernel. The mappings have architectures as keys."""

    cache: Cache
    kernel: Kernel
    offline: bool
    #: Folder of the tool root; None if this host cannot have one.
    root: Path | None = None
    root_present: bool = False
    locked: Mapping[str, Release] = field(default_factory=dict)
    #: Kernels in the tool root.
    installed: Mapping[str, InstalledKernel] = field(default_factory=dict)
    #: Guest archive and module; None if a run would build it.
    archives: dict[str, Path | None] = field(default_factory=dict)
    modules: dict[str, Path | None] = field(default_factory=dict)
    #: Why a run would leave the architecture out: a recent resolution of apt.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: What stopped the reading.
    error: LazymmuError | OSError | None = None

    @property
    def arches(self) -> tuple[str, ...]:
        """The architectures of the default run that have this kernel."""
        return tuple(arch for arch in default_names() if arch in self.kernel.flavours)

    @property
    def usable_arches(self) -> tuple[str, ...]:
        """The architectures that a run would not leave out."""
        return tuple(arch for arch in self.arches if arch not in self.refused)

    @property
    def must_fetch(self) -> bool:
        """Whether a run would need the network."""
        return not self.root_present or {*self.installed, *self.refused} != set(self.arches)

    @property
    def must_build(self) -> bool:
        """Whether a run would build an archive or a module."""
        return self.must_fetch or None in (*self.archives.values(), *self.modules.values())


def read_cache_state(cache: Cache, kernel: Kernel, *, offline: bool) -> CacheState:
    """Return what the cache holds for a run of this kernel. An error stops the reading; the state has it then."""
    state = CacheState(cache, kernel, offline)
    try:
        _read(state)
    except (LazymmuError, OSError) as error:
        state.error = error
    return state


def _read(state: CacheState) -> None:
    state.root = root = tool_root.path(state.cache)
    state.root_present = root.is_dir()
    state.locked = kernels.locked(state.cache, state.kernel)
    if state.root_present:
        installed = {
            arch: kernels.installed_kernel(root, state.kernel, arch, release)
            for arch, release in state.locked.items()
            if arch in state.arches
        }
        state.installed = {arch: kernel for arch, kernel in installed.items() if kernel is not None}
    time, unlocked = now(), set(state.arches) - set(state.locked)
    state.refused = {
        arch: resolution.refusal()
        for arch, resolution in resolutions(state.cache, state.kernel).items()
        if arch in unlocked and resolution.reason and (state.offline or resolution.is_recent(time))
    }
    sandbox = Sandbox(name="bwrap", root=root)
    for arch in state.usable_arches:
        architecture, kernel = architectures()[arch], state.installed.get(arch)
        archive = builds.archive_path(sandbox, architecture)
        module = builds.module_path(sandbox, architecture, kernel) if kernel else None
        state.archives[arch] = archive if whole(archive) else None
        state.modules[arch] = module if module and whole(module) else None
