# SPDX-License-Identifier: GPL-2.0-only
"""Unpacks kernels from Debian's packages into the tool root; a run whose kernels stand there needs nothing of this."""

from __future__ import annotations

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
# Where packages have the boot image: up to Linux 6, and from 7 on.
_IMAGE = re.compile(r"\./(boot/vmlinu[xz]-[^/]+|usr/lib/modules/[^/]+/vmlinu[xz])")


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
    package = next(one for one in release.packages if one.startswith(IMAGES))
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
        needed = {f"{package.partition(':')[0]}_" for release in releases.values() for package in release.packages}
        for deb in sorted(debs):
            if not deb.name.startswith(IMAGES) and f"{deb.name.partition('_')[0]}_" in needed:
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

            cache.obtain(image_path(root, arch, release), f"kernel {release.release}", build)
