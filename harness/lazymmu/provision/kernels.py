# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from Debian's packages: the versions that they are locked to, and those in the tool roots.

`kernel_resolution.py` fetches the packages, `unpacking.py` unpacks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import DecodeError, Struct, json

from lazymmu.architecture import architectures
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.checksum import entry_damage
from lazymmu.support.errors import SetupError

#: Bytes on disk while kernels are made: packages and package lists, then also headers and boot images.
NEEDS = 500_000_000
#: Start of the name of the package with the boot image: up to Linux 6, and since 7.
IMAGES = ("linux-image-", "linux-binary-")


class Release(Struct, frozen=True):
    """One version of a kernel for one architecture."""

    #: As `uname -r` prints it, and as Debian's package names hold it.
    release: str
    #: Version of the packages.
    version: str
    #: The packages (`name:architecture=version`): the image, and what a module build needs.
    packages: tuple[str, ...]


class InstalledKernel(Struct, frozen=True):
    """A kernel in a tool root, ready to boot and to build modules for."""

    name: str
    release: Release
    #: The boot image.
    image: Path
    #: Folder of its headers, as programs in the tool root see it.
    headers: str


def _lock_file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}.json"


def _read(path: Path) -> dict[str, Release]:
    try:
        return json.decode(path.read_bytes(), type=dict[str, Release])
    except FileNotFoundError:
        return {}
    except DecodeError as error:
        raise SetupError(f"{path} is damaged: {error}", hint=f"remove it: rm {path}") from error


def locked(cache: Cache, kernel: Kernel) -> dict[str, Release]:
    """Return the versions that a kernel is locked to, by architecture. Raises SetupError."""
    return _read(_lock_file(cache, kernel))


def all_locked(cache: Cache) -> Iterator[Release]:
    """Yield the locked versions of all kernels, also of those that the catalogue no longer has. Raises SetupError."""
    for path in (cache.root / "kernels").glob("*.json"):
        yield from _read(path).values()


def write_lock(cache: Cache, kernel: Kernel, releases: Mapping[str, Release], folder: Path) -> None:
    """Lock the versions of a kernel. `folder` is for scratch files. The caller holds the kernel's lock."""
    partial = folder / "lock.json"
    partial.write_bytes(json.format(json.encode(releases)) + b"\n")
    partial.replace(_lock_file(cache, kernel))


def with_modules(release: Release) -> list[str]:
    """Return the packages with a kernel's boot image, its own modules, and the list of what is built in."""
    found = []
    for package in release.packages:
        if package.startswith(IMAGES):
            found.append(package)
            # Since Linux 7 the modules have a package of their own.
            if package.startswith(IMAGES[1]):
                found.append(package.replace(IMAGES[1], "linux-modules-", 1))
    return found


def image_path(root: Path, arch: str, release: Release) -> Path:
    """Return where the boot image is or will be. Its suffix tells the form."""
    name = f"{release.release}_{release.version}.{architectures()[arch].boot_image}"
    return root / "lazymmu" / "kernels" / name


def installed_kernel(root: Path, kernel: Kernel, arch: str, release: Release) -> InstalledKernel | None:
    """Return the kernel if it is in the tool root."""
    image = image_path(root, arch, release)
    if not image.exists():
        return None
    return InstalledKernel(
        name=kernel.name, release=release, image=image, headers=f"/usr/src/linux-headers-{release.release}"
    )


def verify(kernel: InstalledKernel) -> None:
    """Raise SetupError if the boot image is not as it was unpacked."""
    wrong = entry_damage(kernel.image)
    if wrong:
        raise SetupError(f"the boot image {kernel.image} {wrong}", hint=f"rm {kernel.image} && lazymmu setup")
