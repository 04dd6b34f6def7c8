# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from Debian's packages: locked versions, what apt last said, and the kernels in the tool roots.

`kernel_resolution.py` asks apt and fetches the packages, `unpacking.py` unpacks them. What apt refused is remembered,
so that a run does not ask the network again and again for what a mirror does not have.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Struct, json

from lazymmu.architecture import architectures
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.checksum import entry_damage
from lazymmu.support.errors import SetupError

#: Bytes on disk while kernels are made: packages and package lists, then also headers and boot images.
NEEDS = 500_000_000
#: Start of the name of the package with the boot image: up to Linux 6, and since 7.
IMAGES = ("linux-image-", "linux-binary-")
# The kernel's own word for the nested API (Linux: arch/Kconfig).
_NATIVE = re.compile(r"^CONFIG_ARCH_HAS_LAZY_MMU_MODE=y$", re.MULTILINE)
# How long a refusal counts. A mirror is out of step for hours.
_RECENT = timedelta(days=1)


class Release(Struct, frozen=True):
    """One version of a kernel for one architecture."""

    #: As `uname -r` prints it, and as Debian's package names hold it.
    release: str
    #: Version of the packages.
    version: str
    #: The packages (`name:architecture=version`): the image, and what a module build needs.
    packages: tuple[str, ...]


class Resolution(Struct, frozen=True):
    """What apt said about a kernel for one architecture: a release, or a reason."""

    #: When apt was asked, in UTC.
    asked: datetime
    #: As in `Release`; empty if the kernel does not resolve.
    release: str = ""
    version: str = ""
    #: Why it does not resolve, in apt's words; empty if it does.
    reason: str = ""

    def refusal(self) -> str:
        """Return the reason with its time."""
        return f"{self.reason} (asked {self.asked:%Y-%m-%d %H:%M} UTC)"

    def is_recent(self, now: datetime) -> bool:
        """Return whether apt need not be asked again."""
        return timedelta() <= now - self.asked < _RECENT

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        asked = self.asked.isoformat(timespec="seconds")
        return {"asked": asked, "release": self.release, "version": self.version, "reason": self.reason}


class InstalledKernel(Struct, frozen=True):
    """A kernel in a tool root, ready to boot and to build modules for."""

    name: str
    release: Release
    #: The boot image.
    image: Path
    #: Folder of its headers, as programs in the tool root see it.
    headers: str


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


def now() -> datetime:
    """Return the time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _lock_file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}.json"


def resolutions_file(cache: Cache, kernel: Kernel) -> Path:
    """Return the file with what apt last said about a kernel."""
    return cache.root / "kernels" / f"{kernel.name}.resolutions"


def _read_lock(path: Path) -> dict[str, Release]:
    try:
        return json.decode(path.read_bytes(), type=dict[str, Release])
    except FileNotFoundError:
        return {}
    except DecodeError as error:
        raise SetupError(f"{path} is damaged: {error}", hint=f"remove it: rm {path}") from error


def locked(cache: Cache, kernel: Kernel) -> dict[str, Release]:
    """Return the versions that a kernel is locked to, by architecture. Raises SetupError."""
    return _read_lock(_lock_file(cache, kernel))


def all_locked(cache: Cache) -> Iterator[Release]:
    """Yield the locked versions of all kernels, also of those that the catalogue no longer has. Raises SetupError."""
    for path in (cache.root / "kernels").glob("*.json"):
        yield from _read_lock(path).values()


def resolutions(cache: Cache, kernel: Kernel) -> dict[str, Resolution]:
    """Return what apt last said, by architecture; nothing if the file cannot be read."""
    try:
        return json.decode(resolutions_file(cache, kernel).read_bytes(), type=dict[str, Resolution])
    except (OSError, DecodeError):
        return {}


def lock(cache: Cache, kernel: Kernel, releases: Mapping[str, Release], folder: Path) -> None:
    """Lock the versions of a kernel. `folder` is for scratch files. The caller holds the kernel's lock."""
    _write(_lock_file(cache, kernel), releases, folder)


def remember(cache: Cache, kernel: Kernel, new: Mapping[str, Resolution], folder: Path) -> None:
    """Keep what apt said, with what it said earlier about other architectures; see `lock`."""
    _write(resolutions_file(cache, kernel), {**resolutions(cache, kernel), **new}, folder)


def _write(target: Path, content: object, folder: Path) -> None:
    partial = folder / target.name
    partial.write_bytes(json.format(json.encode(content)) + b"\n")
    partial.replace(target)


def image_path(root: Path, arch: str, release: Release) -> Path:
    """Return where the boot image is or will be. Its suffix tells the form."""
    name = f"{release.release}_{release.version}.{architectures()[arch].boot_image}"
    return root / "lazymmu" / "kernels" / name


def installed_kernel(root: Path, kernel: Kernel, arch: str, release: Release) -> InstalledKernel | None:
    """Return the kernel if it is in the tool root."""
    image = image_path(root, arch, release)
    headers = f"/usr/src/linux-headers-{release.release}"
    return InstalledKernel(kernel.name, release, image, headers) if image.exists() else None


def verify(kernel: InstalledKernel) -> None:
    """Raise SetupError if the boot image is not as it was unpacked."""
    wrong = entry_damage(kernel.image)
    if wrong:
        raise SetupError(f"the boot image {kernel.image} {wrong}", hint=f"rm {kernel.image} && lazymmu setup")


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
    releases, known = locked(cache, kernel), resolutions(cache, kernel)
    for arch in kernel.flavours:
        release, root = releases.get(arch), tool_root.path(cache, arch)
        installed = installed_kernel(root, kernel, arch, release) if release else None
        told = has_native(root, installed) if installed else None
        native, native_from = (arch in kernel.native, "catalogue") if told is None else (told, "headers")
        yield KernelEntry(kernel, arch, release, installed is not None, known.get(arch), native, native_from)
