# SPDX-License-Identifier: GPL-2.0-only
"""A cache for the tests of `lazymmu clean`, what killed processes leave in it, and the command itself."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.provision import checksum, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress

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


def file(path: Path, data: bytes = b"x" * 1000) -> Path:
    """Make a file with these bytes, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def entry(path: Path) -> Path:
    """Make an entry with its SHA-256."""
    checksum.write(file(path), checksum.beside(path))
    return path


@pytest.fixture
def cache(home: Path) -> Cache:
    """The user's cache, with a tool root, a locked kernel in it, and builds. Everything in it is needed."""
    cache = Cache(home / "cache" / "lazymmu", Progress())
    root = tool_root.path(cache)
    file(root / "usr" / "bin" / "tool")
    entry(root / "lazymmu" / "kernels" / f"{RELEASE}_6.12.1-1.vmlinuz")
    file(root / "usr" / "src" / f"linux-headers-{RELEASE}" / "Makefile")
    file(root / "usr" / "lib" / "linux-kbuild-6.12.1" / "fixdep")
    entry(root / "lazymmu" / "archives" / "aa.cpio")
    entry(root / "lazymmu" / "modules" / "aa.ko")
    entry(cache.root / "kvm" / "aa")
    file(cache.root / "kernels" / "lts.json", json.dumps(LOCKED).encode())
    return cache


@pytest.fixture
def clean(capsys: pytest.CaptureFixture[str]) -> Clean:
    """Return a function that runs the command and returns how it ended."""

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        status = main(["clean", *flags])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(flags, status, said.out, said.err)

    return run


def leftovers(cache: Cache) -> list[Path]:
    """Make one of each thing that a killed process leaves, of 1,000 bytes each."""
    root = tool_root.path(cache)
    return [
        file(cache.root / "roots" / "0123.abcd.partial" / "usr" / "half").parents[1],
        file(cache.root / "kernels" / "lts.abcd.partial" / "debs" / "half").parents[1],
        file(root / "lazymmu" / "unpacked.abcd.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.ko.abcd.partial" / "work" / "half").parents[1],
        file(root / "lazymmu" / "modules" / "bb.ko.sha256"),
        file(root / "tmp" / "cc1234.s"),
    ]


def files(folder: Path) -> set[str]:
    """Return everything below a folder but the lock files of entries."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "locks" not in path.parts}
