# SPDX-License-Identifier: GPL-2.0-only
"""Tool roots: folders of the cache with a compiler and a QEMU, the same on every host, one for each architecture.

They consist of hard links to the unpacked packages of the cache, so what two of them share is there once.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lazymmu.provision import lock, packages, parts
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import digest
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.parts import Request
from lazymmu.support.errors import SetupError

# Raise it when the way in which a root is made changes.
_RECIPE_VERSION = "2"


def locked(cache: Cache, wanted: Request) -> Part | None:
    """Return a part of the lock, None if it must be resolved: it is not there, or other packages are wanted now."""
    found = lock.part(cache.root, wanted.host, wanted.arch, wanted.name)
    return found if found is not None and (found.suite, found.names) == (wanted.suite, wanted.names) else None


def part(cache: Cache, arch: str, host: str | None = None) -> Part | None:
    """Return all packages of an architecture's tool root on a host (None is this one); None if the lock lacks them."""
    return with_common(cache, parts.tools(arch, host))


def part_for_kernels(cache: Cache, arch: str) -> Part | None:
    """Return the packages of the tool root in which kernels for an architecture are built; None if the lock lacks some.

    No run uses that root.
    """
    tools, more = part(cache, arch), locked(cache, parts.host_build())
    if tools is None or more is None:
        return None
    every = {package.name: package for package in (*more.packages, *tools.packages)}
    return tools._replace(packages=tuple(every.values()))


def with_common(cache: Cache, wanted: Request) -> Part | None:
    """Return a part of the lock with what all tool roots have; None if the lock lacks one of the two."""
    common, own = locked(cache, parts.host_tools(wanted.host)), locked(cache, wanted)
    if common is None or own is None:
        return None
    # A part that was resolved live has its own version of what the common part has, too.
    by_name = {package.name: package for package in (*common.packages, *own.packages)}
    return own._replace(packages=tuple(by_name.values()))


def path(cache: Cache, arch: str) -> Path:
    """Return where an architecture's tool root is or will be. Raises SetupError if the lock lacks its packages."""
    found = part(cache, arch)
    if found is None:
        raise SetupError(f"the tools for {arch} are in no lock", hint=f"lazymmu setup --arch {arch}   (resolves them)")
    return path_of(cache, found)


def path_of(cache: Cache, part: Part) -> Path:
    """Return where the tool root of these packages is or will be."""
    return cache.root / "roots" / digest([_RECIPE_VERSION, *sorted(package.sha256 for package in part.packages)])


def assemble(cache: Cache, part: Part) -> Path:
    """Return the tool root of unpacked packages, made first if it is missing (a second)."""

    def build(target: Path) -> None:
        target.mkdir()
        link(cache, part.packages, target)
        # dpkg's alternatives make this link; nothing is configured in an unpacked root.
        if (target / "usr/bin/gawk").exists():
            (target / "usr/bin/awk").symlink_to("gawk")
        # QEMU starts no compressed hypervisor.
        import gzip

        for packed in target.glob("boot/*.gz"):
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        for name in ("dev", "proc", "tmp", "lazymmu"):
            (target / name).mkdir(exist_ok=True)

    return cache.obtain(path_of(cache, part), "tool root", build)


def link(cache: Cache, wanted: Iterable[Package], target: Path) -> None:
    """Put hard links to all files of unpacked packages below a folder, or copies where links are impossible."""
    for package in wanted:
        _link(packages.folder(cache.root, package), str(target), target.resolve())


def _link(source: Path, target: str, root: Path) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            goal = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                # The goal may be a link to a folder, as /bin is one to usr/bin. A link to a folder of the host is not.
                if Path(goal).is_symlink() and not Path(goal).resolve().is_relative_to(root):
                    raise SetupError(f"{entry.path} is refused: another package has a link there that points outside")
                Path(goal).mkdir(exist_ok=True)
                _link(Path(entry.path), goal, root)
                continue
            try:
                os.link(entry.path, goal, follow_symlinks=False)
            except FileExistsError:
                continue
            except OSError:
                shutil.copy2(entry.path, goal, follow_symlinks=False)
