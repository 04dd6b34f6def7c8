# SPDX-License-Identifier: GPL-2.0-only
"""What is compiled for a guest in the tool root: the module for one kernel, and the archive with the agent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from lazymmu.architecture import Architecture
from lazymmu.provision import cpio, fast_rebuild
from lazymmu.provision.cache import Cache, digest, digest_files
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.project import AGENT_SOURCE, MODULE_SOURCE

# Raise it when the way in which something is built changes.
_BUILD_VERSION = "2"
#: Bytes on disk while a module or an archive is made, objects and compilers' scratch files included.
NEEDS = 16_000_000


def _with_scratch(sandbox: Sandbox, target: Path, command: Sequence[str]) -> list[str]:
    """Return the command with its temporary files beside `target`: a killed compiler leaves them."""
    return ["env", f"TMPDIR={sandbox.inside(target.parent)}", *command]


class Variant(Struct, frozen=True):
    """How a module is built and loaded otherwise than usual."""

    #: Words for make.
    make: tuple[str, ...] = ()
    #: What the kernel gets when it is loaded, as `mutant=NAME`.
    parameters: str = ""
    #: Name -> contents of files that take the place of the source's, or come to it.
    sources: Mapping[str, bytes] = field(default_factory=dict)


#: The module as it is.
PLAIN = Variant()


def module_path(
    sandbox: Sandbox,
    architecture: Architecture,
    kernel: InstalledKernel,
    source: Path = MODULE_SOURCE,
    variant: Variant = PLAIN,
) -> Path:
    """Return where a module for one kernel stands once it is built: its name holds everything that goes into it."""
    release = kernel.release
    parts = [_BUILD_VERSION, digest_files(source), architecture.name, release.release, release.version]
    # Without any, the key is that of earlier versions.
    own = [part for name, content in sorted(variant.sources.items()) for part in (name, content)]
    key = digest([*parts, *variant.make, *own])
    return sandbox.root / "lazymmu" / "modules" / f"{key}.ko"


def module(
    cache: Cache,
    sandbox: Sandbox,
    architecture: Architecture,
    kernel: InstalledKernel,
    source: Path = MODULE_SOURCE,
    name: str = "lazymmu",
    variant: Variant = PLAIN,
    target: Path | None = None,
) -> Path:
    """Return the object file of the module `name` for one kernel, built first if its source or the kernel is new.

    `target` is what `module_path` says of it, for who has asked already: the whole source is read for it.
    """
    # A name without what is in the source: the next build of this kind finds its objects there.
    release = kernel.release
    kind = digest([_BUILD_VERSION, name, architecture.name, release.release, release.version, *variant.make])
    work = sandbox.root / "lazymmu" / "builds" / kind

    def build(target: Path) -> None:
        command = [
            *("make", "-s", f"-j{len(os.sched_getaffinity(0))}", "-C", kernel.headers, f"M={sandbox.inside(work)}"),
            *(f"ARCH={architecture.kbuild}", f"CROSS_COMPILE={architecture.compiler_prefix}"),
            # BTF would need pahole and the kernel's own debug information; the rest only costs time.
            *("CONFIG_DEBUG_INFO_BTF_MODULES=", "CONFIG_DEBUG_INFO="),
            # Wherever it is built, the same source is to give the same module.
            f"KCFLAGS=-fmacro-prefix-map={sandbox.inside(work)}/=",
            *variant.make,
            "modules",
        ]
        what = f"build the module from {source} for {architecture.name}, Linux {release.release}"

        def run(command: Sequence[str]) -> None:
            cache.tools.run(sandbox.command(_with_scratch(sandbox, target, command), writable=True), what=what)

        files = fast_rebuild.files(source, variant.sources)
        with cache.locked(work, f"module for {architecture.name}"):
            fast_rebuild.build(work, sandbox.inside(work), files, name, command, run)
            shutil.copyfile(work / f"{name}.ko", target)

    target = target or module_path(sandbox, architecture, kernel, source, variant)
    return cache.obtain(target, f"module for {architecture.name}", build, needs=NEEDS)


def archive_path(sandbox: Sandbox, architecture: Architecture) -> Path:
    """Return where the guest's initramfs stands once it is built: its name holds everything that goes into it."""
    key = digest([_BUILD_VERSION, digest_files(AGENT_SOURCE), Path(cpio.__file__).read_bytes(), architecture.name])
    return sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"


def archive(cache: Cache, sandbox: Sandbox, architecture: Architecture) -> Path:
    """Return the guest's initramfs: the agent as init, and the folders on which it mounts."""

    def build(target: Path) -> None:
        work = target.parent / "work"
        shutil.copytree(AGENT_SOURCE, work)
        command = [
            f"{architecture.compiler_prefix}gcc",
            # The checksum of each line is a loop over its bytes, in a guest that is emulated.
            *("-O2", "-static", "-pthread", "-s", "-Wall", "-Wextra", "-Werror"),
            *("-o", sandbox.inside(work / "agent"), *(sandbox.inside(file) for file in sorted(work.glob("*.c")))),
        ]
        cache.tools.run(
            sandbox.command(_with_scratch(sandbox, target, command), writable=True),
            what=f"build the agent for {architecture.name}",
        )
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

    target = archive_path(sandbox, architecture)
    return cache.obtain(target, f"guest archive for {architecture.name}", build, needs=NEEDS)
