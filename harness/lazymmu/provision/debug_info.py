# SPDX-License-Identifier: GPL-2.0-only
"""Debug information of Debian's kernels: packages of hundreds of megabytes, which are only fetched on request."""

from pathlib import Path

from lazymmu.provision import catalogue, kernels, packages, parts, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.lock import Part
from lazymmu.support.errors import SetupError, UsageError


def locked(cache: Cache, kernel: catalogue.Kernel, arch: str) -> Part | None:
    """Return the debug information of the version to which a kernel is locked, None if nobody asked for it."""
    found = kernels.locked(cache, kernel, arch)
    return tool_root.locked(cache, parts.debug_info(kernel, arch, found.release, found.version)) if found else None


def obtain(cache: Cache, name: str, arch: str, release: str, version: str, *, offline: bool) -> Path:
    """Return a kernel of just this release and version with its debug information, fetched first if it is not there.

    Raises UsageError for a kernel that is not Debian's, and SetupError if Debian does not have the package.
    """
    # Few commands fetch anything.
    from lazymmu.provision import live

    kernel = catalogue.kernels().get(name)
    if kernel is None:
        raise UsageError(
            f"--debug-info is for Debian's kernels, and {name} is your own",
            hint="`lazymmu kernel build TREE --debug info` builds one that has it, and it is then found",
        )
    wanted = parts.debug_info(kernel, arch, release, version)
    newer = f"the archive may only have that of newer kernels: lazymmu setup --update --kernel {name} --arch {arch}"
    found = live.obtain(cache, [wanted], f"debug information of {release}", offline=offline, hint=newer)[wanted]
    folder = packages.folder(cache.root, found.packages[0])
    file = next((one for one in folder.rglob("vmlinux*") if one.is_file() and not one.is_symlink()), None)
    if file is None:
        raise SetupError(f"{found.packages[0]} has no kernel in it: {folder}")
    return file
