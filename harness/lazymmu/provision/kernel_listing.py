# SPDX-License-Identifier: GPL-2.0-only
"""What is known about a kernel without asking apt: its locked versions, the cached ones, and apt's last resolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.provision import kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Release, Resolution, resolutions

# The kernel's own word for it (Linux: arch/Kconfig).
_NATIVE = re.compile(r"^CONFIG_ARCH_HAS_LAZY_MMU_MODE=y$", re.MULTILINE)


class KernelEntry(Struct, frozen=True):
    """What is known about a kernel for one architecture."""

    kernel: Kernel
    arch: str
    #: The version that runs use; None if none is locked.
    locked: Release | None
    #: Whether it is in the cache.
    cached: bool
    #: What apt last said; None if it was not asked.
    resolution: Resolution | None
    #: Whether the kernel has the nested API, and what says so: its headers, or our catalogue.
    native: bool
    native_from: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        known = self.locked or self.resolution
        return {
            "kernel": self.kernel.name,
            "title": self.kernel.title,
            "suite": self.kernel.suite,
            "arch": self.arch,
            "release": (known.release or None) if known else None,
            "version": (known.version or None) if known else None,
            "locked": self.locked is not None,
            "cached": self.cached,
            "native": self.native,
            "native_from": self.native_from,
            "answer": self.resolution.to_json() if self.resolution else None,
        }


def has_native(root: Path, installed: InstalledKernel) -> bool | None:
    """Return whether a kernel's unpacked headers say that it has the nested API; None if they are missing."""
    try:
        config = (root / installed.headers.lstrip("/") / "include/config/auto.conf").read_text(encoding="utf-8")
    except OSError:
        return None
    return bool(_NATIVE.search(config))


def common_headers(root: Path, installed: InstalledKernel) -> Path:
    """Return the folder with the headers that all architectures share (package linux-headers-*-common)."""
    names = (package.partition(":")[0] for package in installed.release.packages)
    return root / "usr/src" / next(name for name in names if name.endswith("-common"))


def entries(cache: Cache, kernel: Kernel) -> Iterator[KernelEntry]:
    """Yield what is known for each of a kernel's architectures. Raises SetupError for a damaged lock file."""
    locked, known = kernels.locked(cache, kernel), resolutions(cache, kernel)
    for arch in kernel.flavours:
        release, root = locked.get(arch), tool_root.path(cache, arch)
        installed = kernels.installed_kernel(root, kernel, arch, release) if release else None
        told = has_native(root, installed) if installed else None
        native, native_from = (arch in kernel.native, "catalogue") if told is None else (told, "headers")
        yield KernelEntry(kernel, arch, release, installed is not None, known.get(arch), native, native_from)
