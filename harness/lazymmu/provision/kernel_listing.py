# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a kernel without asking anybody: its releases, what is cached, what apt said last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.provision import kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.resolution_cache import Answer, answers

# The kernel's own word for it (arch/Kconfig).
_NATIVE = re.compile(r"^CONFIG_ARCH_HAS_LAZY_MMU_MODE=y$", re.MULTILINE)


class Entry(Struct, frozen=True):
    """What is known of a kernel for one architecture."""

    kernel: Kernel
    arch: str
    #: What runs use; None when nothing is locked.
    locked: Release | None
    #: Whether it is in the cache.
    cached: bool
    #: What apt said last; None when it was not asked.
    answer: Answer | None
    #: Whether it has the nested API itself, and where that stands.
    native: bool
    native_from: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        answer = self.answer
        known = self.locked or answer
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
            "answer": answer.to_json() if answer else None,
        }


def has_native(root: Path, installed: InstalledKernel) -> bool | None:
    """Return whether a kernel's unpacked headers say that it has the nested API; None when they are not there."""
    try:
        config = (root / installed.headers.lstrip("/") / "include/config/auto.conf").read_text(encoding="utf-8")
    except OSError:
        return None
    return bool(_NATIVE.search(config))


def common_headers(root: Path, installed: InstalledKernel) -> Path:
    """Return where the headers are unpacked that all architectures share (the package linux-headers-*-common)."""
    names = (package.partition(":")[0] for package in installed.release.packages)
    return root / "usr/src" / next(name for name in names if name.endswith("-common"))


def entries(cache: Cache, kernel: Kernel) -> Iterator[Entry]:
    """Yield what is known for each of a kernel's architectures. Raises SetupError for a damaged lock file."""
    locked, told = kernels.locked(cache, kernel), answers(cache, kernel)
    for arch in kernel.flavours:
        release, root = locked.get(arch), tool_root.path(cache, arch)
        installed = kernels.find(root, kernel, arch, release) if release else None
        said = has_native(root, installed) if installed else None
        native = arch in kernel.native if said is None else said
        origin = "catalogue" if said is None else "headers"
        yield Entry(kernel, arch, release, installed is not None, told.get(arch), native, origin)
