# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's file with its symbols for gdb and drgn: of a kernel that the user built, or on request Debian's."""

import sys
from argparse import Namespace
from pathlib import Path

from lazymmu.guests.saved_guest import SavedGuest, Vmlinux
from lazymmu.provision import debug_info
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel


def of_kernel(kernel: InstalledKernel, arch: str, store: Cache, arguments: Namespace) -> Path | None:
    """Return the file of a kernel, None if there is none. Raises UsageError, SetupError."""
    return _file(Vmlinux.of(kernel), (kernel.name, arch, kernel.release.release, kernel.version), store, arguments)


def of_saved(saved: SavedGuest, store: Cache, arguments: Namespace) -> Path | None:
    """Return the file of a saved guest's kernel, None if there is none. Raises UsageError, SetupError."""
    return _file(saved.vmlinux, (saved.kernel, saved.arch, saved.release, saved.version), store, arguments)


def _file(built: Vmlinux | None, kernel: tuple[str, str, str, str], store: Cache, arguments: Namespace) -> Path | None:
    if arguments.debug_info:
        return debug_info.obtain(store, *kernel, offline=arguments.offline)
    file = built.file() if built else None
    if built and not file:
        print(f"note: {built.path} is gone, or of a later build: no symbols of the kernel", file=sys.stderr)
    return file
