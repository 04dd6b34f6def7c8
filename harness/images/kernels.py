# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from Debian's packages: what they are locked to, and how they are unpacked into the tool root.

How apt gives the packages stands in `fetching.py`.
"""

from __future__ import annotations

import json
import re
import struct
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import zstandard

from harness.core.errors import SetupError
from harness.images import checksum, integrity
from harness.images.cache import Cache
from harness.images.catalogue import Kernel, architectures
from harness.images.debian import unpack
from harness.images.process import Tools
from harness.images.progress import size_of

#: Bytes on disk while kernels are made: packages and package lists; then also headers and boot images.
NEEDS = 500_000_000
_INSTALL_NEEDS = 250_000_000
# Where packages have the boot image: up to Linux 6, and from 7 on.
_IMAGE = re.compile(r"\./(boot/vmlinuz-[^/]+|usr/lib/modules/[^/]+/vmlinuz)")
# Packages that have it.
_IMAGES = ("linux-image-", "linux-binary-")


@dataclass(frozen=True, slots=True)
class Release:
    """One kernel as it was resolved for one architecture."""

    #: As `uname -r` prints it, and as Debian's package names hold it.
    release: str
    #: Version of the packages.
    version: str
    #: The packages (`name:architecture=version`): the image, and what a module build needs.
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstalledKernel:
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
        if package.startswith(_IMAGES):
            found.append(package)
            # From Linux 7 on they have a package of their own.
            if package.startswith(_IMAGES[1]):
                found.append(package.replace(_IMAGES[1], "linux-modules-", 1))
    return found


def _store(root: Path, arch: str, release: Release) -> Path:
    """Return where the boot image is or will be; its suffix tells the form."""
    name = f"{release.release}_{release.version}.{architectures()[arch].boot_image}"
    return root / "lazymmu" / "kernels" / name


def find(root: Path, kernel: Kernel, arch: str, release: Release) -> InstalledKernel | None:
    """Return the kernel if it stands in the tool root."""
    image = _store(root, arch, release)
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


def _packaged_image(tools: Tools, deb: Path) -> bytes:
    """Return the boot image of a package, reading no further: the modules behind it are most of it."""
    with tools.output(["dpkg-deb", "--fsys-tarfile", str(deb)], what=f"unpack {deb.name}") as output:
        try:
            with tarfile.open(fileobj=output, mode="r|") as archive:
                for member in archive:
                    source = archive.extractfile(member) if _IMAGE.fullmatch(member.name) else None
                    if source is not None:
                        return source.read()
        except tarfile.ReadError as error:
            raise SetupError(f"{deb.name} is damaged: {error}") from error
    raise SetupError(f"{deb.name} holds no boot image")


def _vmlinux(image: bytes) -> bytes:
    """Return the ELF file inside an x86 bzImage (kernel: arch/x86/boot.rst, payload_offset and payload_length)."""
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    try:
        # The last four bytes of the payload are the unpacked size.
        return zstandard.ZstdDecompressor().decompressobj().decompress(image[start : start + length - 4])
    except zstandard.ZstdError as error:
        raise SetupError(f"the payload of the kernel image is not zstd: {error}") from error


#: What `boot_image` of an architecture means.
_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"vmlinuz": bytes, "vmlinux": _vmlinux}


def _of_image(release: Release) -> str:
    """Return how the name of the file begins that is the package with a release's boot image."""
    package = next(one for one in release.packages if one.startswith(_IMAGES))
    return f"{package.partition(':')[0]}_"


def install(cache: Cache, root: Path, releases: Mapping[str, Release], debs: Sequence[Path]) -> None:
    """Unpack packages that were fetched into the tool root."""
    store, what = root / "lazymmu" / "unpacked", "kernels in the tool root"
    with (
        cache.progress.step("unpack kernels", "a few seconds") as step,
        # One lock for all kernels: they may share packages.
        cache.locked(store, what),
        cache.building(store, what, needs=_INSTALL_NEEDS) as partial,
    ):
        for deb in sorted(debs):
            if not deb.name.startswith(_IMAGES):
                unpack(cache.tools, deb, partial)
        step.size = size_of(partial)
        # Whole folders are renamed, so that a killed set-up leaves none half filled.
        for parent in ("usr/src", "usr/lib"):
            for entry in sorted((partial / parent).iterdir()):
                target = root / parent / entry.name
                if not target.exists() and entry.name.startswith("linux-"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    entry.rename(target)
        for arch, release in releases.items():
            image = next(deb for deb in debs if deb.name.startswith(_of_image(release)))
            form = _FORMS[architectures()[arch].boot_image]

            def build(target: Path, image: Path = image, form: Callable[[bytes], bytes] = form) -> None:
                target.write_bytes(form(_packaged_image(cache.tools, image)))

            cache.obtain(_store(root, arch, release), f"kernel {release.release}", build)
