# SPDX-License-Identifier: GPL-2.0-only
"""A shell for guests: Debian's busybox of the guest's architecture, fetched when something needs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lazymmu.provision import cpio, live, packages, parts
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import digest

_ARCHIVE_NEEDS = 16_000_000
# Its path in its package.
_PROGRAM = "usr/bin/busybox"


def busybox(cache: Cache, arches: Sequence[str], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's busybox in the cache, fetched first unless `offline`. Raises SetupError."""
    found = live.obtain(cache, [parts.shell(arch) for arch in arches], "shell for guests", offline=offline)
    return {one.arch: packages.folder(cache.root, part.packages[0]) / _PROGRAM for one, part in found.items()}


def archive(cache: Cache, root: Path, arch: str, files: Mapping[str, bytes]) -> Path:
    """Return an initramfs of these files, which everybody may run, and the folders on which to mount."""
    key = digest(part for name, content in files.items() for part in (name, content))
    store = root / "lazymmu" / "archives" / f"{key}.cpio"

    def build(target: Path) -> None:
        target.write_bytes(cpio.initramfs(files, folders=["bin"]))

    return cache.obtain(store, f"guest archive with a shell for {arch}", build, needs=_ARCHIVE_NEEDS)
