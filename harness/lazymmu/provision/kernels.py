# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from Debian's packages: what they are locked to, and which stand in the tool root.

How apt gives the packages stands in `fetching.py`, how they are unpacked in `unpacking.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from lazymmu.architecture import architectures
from lazymmu.provision import checksum, integrity
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.support.errors import SetupError

#: Bytes on disk while kernels are made: packages and package lists; then also headers and boot images.
NEEDS = 500_000_000
#: Packages that have the boot image: up to Linux 6, and from 7 on.
IMAGES = ("linux-image-", "linux-binary-")


class Release(Struct, frozen=True):
    """One kernel as it was resolved for one architecture."""

    #: As `uname -r` prints it, and as Debian's package names hold it.
    release: str
    #: Version of the packages.
    version: str
    #: The packages (`name:architecture=version`): the image, and what a module build needs.
    packages: tuple[str, ...]


class InstalledKernel(Struct, frozen=True):
    """A kernel in the tool root, ready to boot and to build modules for."""

    name: str
    release: Release
    #: The boot image.
    image: Path
    #: Folder of its headers, as programs in the tool root see it.
    headers: str


def _lock_file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}.json"


def locked(cache: Cache, kernel: Kernel) -> dict[str, Release]:
    """Return what the kernel was resolved to, by architecture; empty when it never was."""
    path = _lock_file(cache, kernel)
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            arch: Release(release=entry["release"], version=entry["version"], packages=tuple(entry["packages"]))
            for arch, entry in document.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"{path} is damaged: {error!r}", hint=f"remove it: rm {path}") from error


def write_lock(cache: Cache, kernel: Kernel, releases: Mapping[str, Release], folder: Path) -> None:
    """Lock what a kernel is resolved to; `folder` is for scratch files. The caller holds the kernel's lock."""
    partial = folder / "lock.json"
    partial.write_text(json.dumps({arch: asdict(entry) for arch, entry in releases.items()}, indent=2) + "\n")
    partial.replace(_lock_file(cache, kernel))


def with_modules(release: Release) -> list[str]:
    """Return the packages in which a kernel's boot image, its own modules, and the list of what is built in stand."""
    found = []
    for package in release.packages:
        if package.startswith(IMAGES):
            found.append(package)
            # From Linux 7 on they have a package of their own.
            if package.startswith(IMAGES[1]):
                found.append(package.replace(IMAGES[1], "linux-modules-", 1))
    return found


def image_path(root: Path, arch: str, release: Release) -> Path:
    """Return where the boot image is or will be; its suffix tells the form."""
    name = f"{release.release}_{release.version}.{architectures()[arch].boot_image}"
    return root / "lazymmu" / "kernels" / name


def find(root: Path, kernel: Kernel, arch: str, release: Release) -> InstalledKernel | None:
    """Return the kernel if it stands in the tool root."""
    image = image_path(root, arch, release)
    if not image.exists():
        return None
    return InstalledKernel(
        name=kernel.name, release=release, image=image, headers=f"/usr/src/linux-headers-{release.release}"
    )


def verify(cache: Cache, kernel: InstalledKernel) -> None:
    """Raise SetupError when the boot image is not what was unpacked once.

    One of an earlier version, which kept no digest, is taken as it is if it looks whole; a download is too much for it.
    """
    image = kernel.image
    wrong = integrity.damage("kernels", image)
    if wrong:
        raise SetupError(f"the boot image {image} {wrong}", hint=f"rm {image} && lazymmu setup")
    if checksum.recorded(image) is None:
        # A cache that cannot be written serves as it did.
        with suppress(SetupError, OSError):
            cache.record(image, f"kernel {kernel.release.release}")
