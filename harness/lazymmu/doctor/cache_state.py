# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the cache holds for a run, and so what the run would fetch and build first."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from lazymmu.architecture import architectures, default_names
from lazymmu.provision import builds, setup, ssh_image, tool_root
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import LazymmuError

#: What only runs over SSH need.
SSH_SERVER = "SSH server"


class CacheState(Struct):
    """What the cache holds for a run of one kernel. The mappings have architectures as keys."""

    cache: Cache
    kernel: Kernel
    offline: bool
    #: Folder of the tool root; None if this host cannot have one.
    root: Path | None = None
    root_present: bool = False
    #: Kernels in the tool root.
    installed: Mapping[str, InstalledKernel] = field(default_factory=dict)
    #: Why a run would leave the architecture out: apt refused it recently.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: What stopped the reading.
    error: LazymmuError | OSError | None = None

    @property
    def arches(self) -> tuple[str, ...]:
        """The architectures of the default run that have this kernel."""
        return tuple(arch for arch in default_names() if arch in self.kernel.flavours)

    @property
    def must_fetch(self) -> bool:
        """Whether a run would need the network."""
        return not self.root_present or {*self.installed, *self.refused} != set(self.arches)

    @property
    def must_build(self) -> bool:
        """Whether a run would build an archive or a module."""
        return self.must_fetch or any(
            path is None for arch in self.arches for kind, path in self.builds(arch).items() if kind != SSH_SERVER
        )

    def builds(self, arch: str) -> dict[str, Path | None]:
        """Return what is built for an architecture's guests; None if the cache does not have it."""
        if self.root is None or arch in self.refused:
            return {}
        sandbox, kernel = Sandbox(name="bwrap", root=self.root), self.installed.get(arch)
        archive = builds.archive_path(sandbox, architectures()[arch])
        paths: dict[str, Path | None] = {"archive": archive, "module": None}
        if kernel is not None:
            paths["module"] = builds.module_path(sandbox, architectures()[arch], kernel)
            paths[SSH_SERVER] = ssh_image.parts_path(self.root, arch, kernel)
        return {kind: path if path and whole(path) else None for kind, path in paths.items()}


def read_cache_state(cache: Cache, kernel: Kernel, *, offline: bool) -> CacheState:
    """Return what the cache holds for a run of this kernel. An error stops the reading; the state has it then."""
    state = CacheState(cache, kernel, offline)
    try:
        state.root = tool_root.path(cache)
        state.root_present = state.root.is_dir()
        state.installed, state.refused = setup.present(cache, kernel, state.arches, offline=offline)
    except (LazymmuError, OSError) as error:
        state.error = error
    return state
