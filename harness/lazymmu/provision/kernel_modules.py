# SPDX-License-Identifier: GPL-2.0-only
"""Finds a kernel module in an unpacked kernel package, with all that it depends on, in the order of loading."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import zstandard

from lazymmu.support.errors import SetupError

# Suffix -> how to unpack such a file. zstd's one call needs a size in the frame; the kernel's files may lack it.
_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    ".ko": bytes,
    ".ko.xz": lzma.decompress,
    ".ko.zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def _name(path: Path) -> str:
    # The kernel treats both letters as the same (Linux: man 8 modprobe).
    return path.name.partition(".ko")[0].replace("-", "_")


def _depends(image: bytes) -> list[str]:
    """Return the modules that a module depends on (`depends=` of its .modinfo)."""
    from elftools.elf.elffile import ELFFile

    section = ELFFile(BytesIO(image)).get_section_by_name(".modinfo")
    facts = section.data().split(b"\0") if section is not None else []
    value = next((fact.removeprefix(b"depends=").decode() for fact in facts if fact.startswith(b"depends=")), "")
    return [name for name in value.split(",") if name]


def modules(tree: Path, wanted: str) -> dict[str, bytes]:
    """Return name -> object file of the module `wanted` and of all that it depends on, in the order of loading.

    `tree` holds an unpacked kernel package. What is built in needs no module. Raises SetupError.
    """
    files = {_name(path): path for path in tree.rglob("*.ko*")}
    built_in = {
        _name(Path(line)) for listing in tree.rglob("modules.builtin") for line in listing.read_text().splitlines()
    }
    found: dict[str, bytes] = {}

    def add(name: str) -> Iterator[str]:
        """Add a module after those that it depends on, and yield each that is missing."""
        name = name.replace("-", "_")
        if name in found or name in built_in:
            return
        if name not in files:
            yield name
            return
        path = files[name]
        try:
            image = _FORMS[path.name[path.name.index(".ko") :]](path.read_bytes())
        except (KeyError, ValueError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise SetupError(f"{path.name} in the kernel's package cannot be unpacked: {error!r}") from error
        for other in _depends(image):
            yield from add(other)
        found[name] = image

    missing = dict.fromkeys(add(wanted))
    if missing:
        raise SetupError(f"the kernel's package has no module {', '.join(missing)}, which {wanted} needs")
    return found
