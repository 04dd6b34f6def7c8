# SPDX-License-Identifier: GPL-2.0-only
"""Whether a cache entry is what it should be: by its format (cut short, empty, of another machine) and its SHA-256."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from lazymmu.provision import checksum

# e_machine of the kernels that we know (elf.h).
_MACHINES = {183: "arm64", 22: "s390x", 62: "x86_64"}
_ELF_HEADER = 64
# `ADDRESS TYPE NAME`, and the module's name where there is one (kernel: kernel/kallsyms.c, s_show).
_SYMBOL = re.compile(rb"[0-9a-f]+ \S \S+(\t\[\S+\])?")


def elf(path: Path, arch: str | None = None) -> str | None:
    """Return what is wrong with an ELF file, None when it is whole and of this architecture (None: any of ours)."""
    with path.open("rb") as file:
        header = file.read(_ELF_HEADER)
    if len(header) < _ELF_HEADER or header[:5] != b"\x7fELF\x02" or header[5] not in (1, 2):
        return "is not an ELF file"
    order = "<" if header[5] == 1 else ">"
    machine = _MACHINES.get(struct.unpack_from(f"{order}H", header, 18)[0])
    sections, size, count = (
        struct.unpack_from(f"{order}{form}", header, at)[0] for form, at in (("Q", 40), ("H", 58), ("H", 60))
    )
    if path.stat().st_size < sections + size * count:
        return "is cut short"
    if machine is None or (arch is not None and machine != arch):
        return f"is for {machine or 'another machine'}, not for {arch or 'one of ours'}"
    return None


def archive(path: Path) -> str | None:
    """Return what is wrong with an initramfs (cpio "newc"), None when it has its beginning and its end."""
    data = path.read_bytes()
    if not data.startswith(b"070701"):
        return "is not a cpio archive"
    return None if b"TRAILER!!!" in data[-1024:] else "is cut short"


def image(path: Path) -> str | None:
    """Return what is wrong with a boot image: one in ELF form must be whole, any other must not be empty."""
    if path.suffix == ".vmlinux":
        return elf(path)
    return None if path.stat().st_size else "is empty"


def answer(path: Path) -> str | None:
    """Return what is wrong with a file that must hold JSON."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"is not JSON ({error})"
    return None


def symbols(path: Path) -> str | None:
    """Return what is wrong with a kernel's saved /proc/kallsyms."""
    lines = path.read_bytes().splitlines()
    if not lines:
        return "is empty"
    wrong = next((number for number, line in enumerate(lines, 1) if not _SYMBOL.fullmatch(line)), None)
    return None if wrong is None else f"is damaged: line {wrong} is no symbol"


#: Kind of entry (harness/lazymmu/provision/inventory.py) -> how it is looked at.
CHECKS: Mapping[str, Callable[[Path], str | None]] = {
    "modules": elf,
    "shells": elf,
    "archives": archive,
    "servers": archive,
    "snapshots": image,
    "kernels": image,
    "KVM answers": answer,
    "symbols": symbols,
}


def damage(kind: str, path: Path, look: Callable[[Path], str | None] = checksum.mismatch) -> str | None:
    """Return what is wrong with an entry, None when nothing is or its kind cannot be looked at.

    `look` holds it against its digest: all of it, or (checksum.glance) all of it once in a boot of the host.
    What its format tells comes first: it says more than that the digest differs. An entry that cannot be read is
    damaged, too; one that went meanwhile is not.
    """
    check = CHECKS.get(kind)
    try:
        return (check(path) or look(path)) if check else None
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
