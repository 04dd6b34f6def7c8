# SPDX-License-Identifier: GPL-2.0-only
"""Boot images: made from the image in a kernel's package, in the form that QEMU boots."""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

from lazymmu.support.errors import SetupError


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


_FORMS: Mapping[str, Callable[[bytes], bytes]] = {"vmlinuz": bytes, "vmlinux": _vmlinux}


def make(package: Path, form: str) -> bytes:
    """Return the boot image of an unpacked package in a form (`Architecture.boot_image`). Raises SetupError."""
    # Up to Linux 6, and since 7.
    for pattern in ("boot/vmlinu[xz]-*", "usr/lib/modules/*/vmlinu[xz]"):
        for path in package.glob(pattern):
            return _FORMS[form](path.read_bytes())
    raise SetupError(f"the kernel's package holds no boot image: {package}")
