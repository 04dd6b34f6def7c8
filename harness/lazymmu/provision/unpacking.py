# SPDX-License-Identifier: GPL-2.0-only
"""Unpacks kernels from Debian's packages into a tool root. A run whose kernels are there needs nothing of this."""

import re
import struct
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import zstandard

from lazymmu.architecture import architectures
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_entries import size_of
from lazymmu.provision.debian import unpack
from lazymmu.provision.kernels import IMAGES, Release, image_path
from lazymmu.provision.subprocesses import Tools
from lazymmu.support.errors import SetupError

# Bytes on disk: headers and boot images.
_INSTALL_NEEDS = 250_000_000
# The boot image in a package: up to Linux 6, and since 7.
_IMAGE = re.compile(r"\./(boot/vmlinu[xz]-[^/]+|usr/lib/modules/[^/]+/vmlinu[xz])")


def _packaged_image(tools: Tools, deb: Path) -> bytes:
    """Return the boot image of a package, and read no further: most of a package is the modules after it."""
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


#: Form of a boot image (`Architecture.boot_image`) -> how to make it from the packaged image.
_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"vmlinuz": bytes, "vmlinux": _vmlinux}


def install(cache: Cache, root: Path, releases: Mapping[str, Release], debs: Sequence[Path]) -> None:
    """Unpack the packages of these releases into a tool root; `debs` may hold others, too."""
    files = {deb.name.partition("_")[0]: deb for deb in debs}
    packages = {package.partition(":")[0] for release in releases.values() for package in release.packages}
    store, what = root / "lazymmu" / "unpacked", "kernels in the tool root"
    with (
        cache.progress.step("unpack kernels", "a few seconds") as step,
        # One lock for all kernels, because they may share packages.
        cache.locked(store, what),
        cache.building(store, what, needs=_INSTALL_NEEDS) as partial,
    ):
        for package in sorted(packages):
            if not package.startswith(IMAGES):
                unpack(cache.tools, files[package], partial)
        step.size = size_of(partial)
        # Folders are renamed, so that a killed set-up leaves none half filled.
        for parent in ("usr/src", "usr/lib"):
            for entry in sorted((partial / parent).iterdir()):
                target = root / parent / entry.name
                if not target.exists() and entry.name.startswith("linux-"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    entry.rename(target)
        for arch, release in releases.items():
            image = next(package.partition(":")[0] for package in release.packages if package.startswith(IMAGES))

            def build(target: Path, arch: str = arch, deb: Path = files[image]) -> None:
                target.write_bytes(_FORMS[architectures()[arch].boot_image](_packaged_image(cache.tools, deb)))

            cache.obtain(image_path(root, arch, release), f"kernel {release.release}", build)
