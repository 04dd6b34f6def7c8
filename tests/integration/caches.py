# SPDX-License-Identifier: GPL-2.0-only
"""A cache for the tests of `lazymmu clean`, what killed processes leave in it, and the command itself."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.provision import checksum, kernels, lock, packages, parts, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.progress import Progress

#: Runs the command with these flags.
Clean = Callable[..., subprocess.CompletedProcess[str]]

HOST, ARCH, LTS = lock.host_architecture(), "arm64", kernel("lts")


def file(path: Path, data: bytes = b"x" * 1000) -> Path:
    """Make a file with these bytes, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def entry(path: Path) -> Path:
    """Make an entry with its SHA-256."""
    checksum.write(file(path), checksum.beside(path))
    return path


def root_of(cache: Cache) -> Path:
    """Return the tool root of the project's lock."""
    return tool_root.path(cache, ARCH)


def kernel_of(cache: Cache) -> InstalledKernel:
    """Return the kernel of the project's lock in the tool root."""
    part = kernels.locked(cache, LTS, ARCH)
    assert part is not None
    return kernels.installed_kernel(root_of(cache), LTS, ARCH, part)


def users_lock(cache: Cache, name: str = LTS.name) -> Path:
    """Return the user's own lock of a part, which is that of the project."""
    project, own = (lock.path(folder, HOST, ARCH, name) for folder in (lock.PROJECT, lock.users(cache.root)))
    return file(own, project.read_bytes())


@pytest.fixture
def cache(home: Path) -> Cache:
    """The user's cache, with a tool root, a locked kernel in it, and builds. Everything in it is needed."""
    cache = Cache(home / "cache" / "lazymmu", Progress())
    root, kernel = root_of(cache), kernel_of(cache)
    for name in ("qemu-system-aarch64", "aarch64-linux-gnu-gcc", "make"):
        file(root / "usr" / "bin" / name)
    entry(kernel.image)
    file(root / kernel.headers[1:] / "Makefile")
    kbuild = next(one for one in kernel.release.packages if one.name.startswith("linux-kbuild"))
    fixdep = file(root / "usr" / "lib" / kbuild.name / "fixdep")
    unpacked = packages.folder(cache.root, kbuild) / "fixdep"
    unpacked.parent.mkdir(parents=True)
    os.link(fixdep, unpacked)
    file(cache.root / "downloads" / f"{kbuild.sha256}.deb")
    entry(root / "lazymmu" / "archives" / "aa.cpio")
    entry(root / "lazymmu" / "modules" / "aa.ko")
    entry(cache.root / "kvm" / "aa")
    file(cache.root / "kernels" / "lts.resolutions", b"{}")
    users_lock(cache, parts.SHELL)
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
    root = root_of(cache)
    return [
        file(cache.root / "packages" / "0123.abcd.partial" / "usr" / "half").parents[1],
        file(cache.root / "lock" / HOST / ARCH / "lts.json.abcd.partial" / "half").parent,
        file(root / "lazymmu" / "unpacked.abcd.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.ko.abcd.partial" / "work" / "half").parents[1],
        file(root / "lazymmu" / "modules" / "bb.ko.sha256"),
        file(root / "tmp" / "cc1234.s"),
    ]


def files(folder: Path) -> set[str]:
    """Return everything below a folder but the lock files of entries."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "locks" not in path.parts}
