# SPDX-License-Identifier: GPL-2.0-only
"""What is compiled for a guest in the tool root: the module for one kernel, and the archive with the agent."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.core.project import AGENT_SOURCE, MODULE_SOURCE
from harness.images import cpio
from harness.images.cache import Cache, digest, digest_files, remove
from harness.images.catalogue import Architecture
from harness.images.kernels import InstalledKernel
from harness.images.process import run
from harness.images.sandbox import Sandbox

# Raise it when the way in which something is built changes.
_BUILD_VERSION = "1"


def module(
    cache: Cache, sandbox: Sandbox, architecture: Architecture, kernel: InstalledKernel, source: Path = MODULE_SOURCE
) -> Path:
    """Return the module's object file for one kernel, built first if its source or the kernel is new."""
    release = kernel.release
    key = digest([_BUILD_VERSION, digest_files(source), architecture.name, release.release, release.version])
    store = sandbox.root / "lazymmu" / "modules"

    def build(target: Path) -> None:
        work = store / f"{key}.build"
        remove(work)
        try:
            shutil.copytree(source, work)
            command = [
                *("make", "-s", "-C", kernel.headers, f"M={sandbox.inside(work)}"),
                *(f"ARCH={architecture.kbuild}", f"CROSS_COMPILE={architecture.compiler_prefix}"),
                # BTF would need pahole and the kernel's own debug information; the rest only costs time.
                *("CONFIG_DEBUG_INFO_BTF_MODULES=", "CONFIG_DEBUG_INFO="),
                "modules",
            ]
            run(
                sandbox.command(command, writable=True),
                what=f"build the module from {source} for {architecture.name}, Linux {release.release}",
            )
            (work / "lazymmu.ko").rename(target)
        finally:
            remove(work)

    return cache.obtain(store / f"{key}.ko", f"module for {architecture.name}", build)


def archive(cache: Cache, sandbox: Sandbox, architecture: Architecture) -> Path:
    """Return the guest's initramfs: the agent as init, and the folders on which it mounts."""
    source = AGENT_SOURCE / "agent.c"
    key = digest([_BUILD_VERSION, source.read_bytes(), Path(cpio.__file__).read_bytes(), architecture.name])
    store = sandbox.root / "lazymmu" / "archives"

    def build(target: Path) -> None:
        work = store / f"{key}.build"
        remove(work)
        try:
            work.mkdir(parents=True)
            shutil.copy(source, work)
            command = [
                f"{architecture.compiler_prefix}gcc",
                *("-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror"),
                *("-o", sandbox.inside(work / "agent"), sandbox.inside(work / "agent.c")),
            ]
            run(sandbox.command(command, writable=True), what=f"build the agent for {architecture.name}")
            target.write_bytes(
                cpio.archive(
                    [
                        *(cpio.directory(name) for name in ("dev", "proc", "sys")),
                        # The kernel opens it for init before anything is mounted.
                        cpio.node("dev/console", 5, 1),
                        cpio.program("init", (work / "agent").read_bytes()),
                    ]
                )
            )
        finally:
            remove(work)

    return cache.obtain(store / f"{key}.cpio", f"guest archive for {architecture.name}", build)
