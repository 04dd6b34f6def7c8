# SPDX-License-Identifier: GPL-2.0-only
"""A cache for the tests of `lazymmu clean`: what stands in it, what killed processes leave in it, and the command."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress

from tests.unit import apart

#: Runs the command with these flags.
Clean = Callable[..., subprocess.CompletedProcess[str]]

RELEASE = "6.12.1-arm64"
LOCKED = {
    "arm64": {
        "release": RELEASE,
        "version": "6.12.1-1",
        "packages": [f"linux-headers-{RELEASE}:arm64=6.12.1-1", "linux-kbuild-6.12.1:amd64=6.12.1-1"],
    }
}


def module(path: Path, machine: int = 183, size: int = 128) -> Path:
    """Make an ELF file of a machine, with one section header at byte 64."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 1, machine, 1, 0, 0, 64, 0, 64, 0, 0, 64, 1, 0)
    )
    path.write_bytes((header + bytes(64))[:size])
    return path


def file(path: Path, data: bytes = b"x" * 1000) -> Path:
    """Make a file with these bytes, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def needed(folder: Path) -> Cache:
    """Make a cache with a tool root, a locked kernel in it, and builds; everything in it is needed."""
    cache = Cache(folder, Progress())
    root = tool_root.path(cache)
    file(root / "usr" / "bin" / "tool")
    file(root / "lazymmu" / "kernels" / f"{RELEASE}_6.12.1-1.vmlinuz")
    file(root / "usr" / "src" / f"linux-headers-{RELEASE}" / "Makefile")
    file(root / "usr" / "lib" / "linux-kbuild-6.12.1" / "fixdep")
    file(root / "lazymmu" / "archives" / "aa.cpio", b"070701" + b"TRAILER!!!")
    module(root / "lazymmu" / "modules" / "aa.ko")
    file(cache.root / "kvm" / "aa", b"null")
    file(cache.root / "kernels" / "lts.json", json.dumps(LOCKED).encode())
    return cache


def leftovers(cache: Cache) -> list[Path]:
    """Make one of each thing that a killed process leaves, of 1,000 bytes each."""
    root = tool_root.path(cache)
    return [
        file(cache.root / "roots" / "0123.abcd.partial" / "usr" / "half").parents[1],
        file(cache.root / "kernels" / "lts.abcd.partial" / "debs" / "half").parents[1],
        file(root / "lazymmu" / "unpacked.abcd.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.ko.abcd.partial" / "work" / "half").parents[1],
        # Of earlier versions.
        file(root / "lazymmu" / "unpack.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.build" / "half").parent,
        file(root / "lazymmu" / "archives" / "bb.build" / "half").parent,
        file(cache.root / "kernels" / "lts.partial"),
        file(cache.root / "downloads" / "lts" / "half").parent,
        file(root / "tmp" / "cc1234.s"),
    ]


def files(folder: Path) -> set[str]:
    """Return everything below a folder but the lock files of entries."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "locks" not in path.parts}


def clean_apart(*flags: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [*prefix, *apart.command("clean", *flags)],
        env=apart.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
