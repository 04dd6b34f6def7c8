# SPDX-License-Identifier: GPL-2.0-only
"""What is compiled for a guest in its tool root: the module for one kernel, and the initramfs with the agent."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Semaphore

from msgspec import Struct, field

from lazymmu.architecture import Architecture
from lazymmu.provision import compiler_messages, cpio, fast_rebuild
from lazymmu.provision.cache import Cache, digest_files
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.keys import digest
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.project import AGENT_SOURCE, MODULE_SOURCE, ROOT

# Raise it when the way in which something is built changes.
_BUILD_VERSION = "3"
#: Bytes on disk while a module or an archive is made, objects and compilers' scratch files included.
NEEDS = 16_000_000


class Variant(Struct, frozen=True):
    """How a module is built and loaded otherwise than usual."""

    #: Words for make.
    make: tuple[str, ...] = ()
    #: What the kernel gets when it loads the module, such as `mutant=NAME`.
    parameters: str = ""
    #: Name -> contents of files that replace those of the source, or are added.
    sources: Mapping[str, bytes] = field(default_factory=dict)


class Variants(Struct, frozen=True):
    """The build for each machine."""

    common: Variant = Variant()
    #: Architecture and kernel -> a build of its own.
    special: Mapping[tuple[str, str], Variant] = field(default_factory=dict)

    def of(self, arch: str, kernel: str) -> Variant:
        """Return the build for a machine."""
        return self.special.get((arch, kernel), self.common)


# Builds of all files at the same time. make itself uses several processors, and the first architecture is ready sooner.
_WHOLE_BUILDS = Semaphore(max(1, len(os.sched_getaffinity(0)) // 2))
#: The module as it is.
PLAIN = Variant()


def _run(
    cache: Cache, sandbox: Sandbox, target: Path, command: Sequence[str], what: str, folders: Sequence[Path] = ()
) -> None:
    """Run a compiler, which may read folders of the host. Its temporary files are beside `target`.

    Those of a killed one are removed later.
    """
    scratch = ["env", f"TMPDIR={sandbox.inside(target.parent)}"]
    seen = dict.fromkeys(folders, False)
    cache.tools.run(sandbox.command([*scratch, *command], writable=True, folders=seen), what=what)


def module_path(
    sandbox: Sandbox,
    architecture: Architecture,
    kernel: InstalledKernel,
    source: Path = MODULE_SOURCE,
    variant: Variant = PLAIN,
) -> Path:
    """Return where a module for one kernel is or will be. Its name is a digest of everything that goes into it."""
    parts = [_BUILD_VERSION, digest_files(source), architecture.name, kernel.release.release, kernel.version]
    own = [part for name, content in sorted(variant.sources.items()) for part in (name, content)]
    return sandbox.root / "lazymmu" / "modules" / f"{digest([*parts, *variant.make, *own])}.ko"


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

    `target` is the result of `module_path`, for callers that have it: it takes reading the whole source.
    """
    # Its name does not depend on the source: the next build of the same kind finds its objects there.
    release = kernel.release
    kind = digest([_BUILD_VERSION, name, architecture.name, release.release, kernel.version, *variant.make])
    work = sandbox.root / "lazymmu" / "builds" / kind

    def build(target: Path) -> None:
        command = [
            *("make", "-s", f"-j{len(os.sched_getaffinity(0))}", "-C", kernel.headers, f"M={sandbox.inside(work)}"),
            *(f"ARCH={architecture.kbuild}", f"CROSS_COMPILE={architecture.compiler_prefix}"),
            # BTF needs pahole and the kernel's own debug information; the rest only costs time.
            *("CONFIG_DEBUG_INFO_BTF_MODULES=", "CONFIG_DEBUG_INFO="),
            # The same source gives the same module wherever it is built.
            f"KCFLAGS=-fmacro-prefix-map={sandbox.inside(work)}/=",
            *variant.make,
            "modules",
        ]
        what = f"build the module from {source} for {architecture.name}, Linux {release.release}"
        files = fast_rebuild.files(source, variant.sources)

        def run(one: Sequence[str]) -> None:
            if one is not command:
                _run(cache, sandbox, target, one, what, kernel.folders)
                return
            with _WHOLE_BUILDS:
                cache.progress.say(f"building the module for {architecture.name} (some 5 s)")
                _run(cache, sandbox, target, one, what, kernel.folders)

        with cache.locked(work, f"module for {architecture.name}"):
            try:
                fast_rebuild.build(work, sandbox.inside(work), files, name, command, run)
            except ToolError as error:
                raise _refused(error, sandbox.inside(work), source, files) from error
            shutil.copyfile(work / f"{name}.ko", target)

    target = target or module_path(sandbox, architecture, kernel, source, variant)
    return cache.obtain(target, f"module for {architecture.name}", build, needs=NEEDS)


def _refused(error: ToolError, inside: str, source: Path, files: Mapping[Path, bytes]) -> ToolError:
    """Return the error of a build in terms of the user's files, if the compiler or modpost refused one of them.

    `inside` is the folder of the build in the sandbox. The message is the same for all architectures.
    """
    folder = source.relative_to(ROOT) if source.is_relative_to(ROOT) else source
    of_source = {path: content.decode(errors="replace") for path, content in files.items() if (source / path).is_file()}
    texts = {str(path): (str(folder / path), text) for path, text in of_source.items()}
    # A module is compiled in its folder or from elsewhere.
    seen = {f"{prefix}{path}": shown for path, shown in texts.items() for prefix in ("", "./", f"{inside}/")}
    lines = error.output.splitlines()
    found = [*compiler_messages.messages(seen, lines, tab=8)] if any(": error: " in line for line in lines) else []
    found = found or [*compiler_messages.undefined(texts, error.output)]
    if not found:
        return error
    return ToolError(compiler_messages.message(f"{folder} cannot be compiled:", found), output=error.output)


def archive_path(sandbox: Sandbox, architecture: Architecture) -> Path:
    """Return where the guest's initramfs is or will be. Its name is a digest of everything that goes into it."""
    key = digest([_BUILD_VERSION, digest_files(AGENT_SOURCE), Path(cpio.__file__).read_bytes(), architecture.name])
    return sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"


def archive(cache: Cache, sandbox: Sandbox, architecture: Architecture) -> Path:
    """Return the guest's initramfs: the agent as init, and the folders on which it mounts."""

    def build(target: Path) -> None:
        work = target.parent / "work"
        shutil.copytree(AGENT_SOURCE, work)
        command = [
            f"{architecture.compiler_prefix}gcc",
            # -O2: the checksum of each line is a loop over its bytes, in an emulated guest.
            *("-O2", "-static", "-pthread", "-s", "-Wall", "-Wextra", "-Werror"),
            *("-o", sandbox.inside(work / "agent"), *(sandbox.inside(file) for file in sorted(work.glob("*.c")))),
        ]
        _run(cache, sandbox, target, command, f"build the agent for {architecture.name}")
        target.write_bytes(cpio.initramfs({"init": (work / "agent").read_bytes()}))

    target = archive_path(sandbox, architecture)
    return cache.obtain(target, f"guest archive for {architecture.name}", build, needs=NEEDS)
