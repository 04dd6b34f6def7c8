# SPDX-License-Identifier: GPL-2.0-only
"""Entries of a folder: their sizes, their last use, and their removal. Symbolic links count nothing."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from msgspec import Struct

from lazymmu.provision import checksum

# Linux: man 2 stat, st_blocks.
_BLOCK = 512


class Entry(Struct, frozen=True):
    """One entry."""

    path: Path
    #: Bytes on disk, the SHA-256 beside the entry included.
    size: int
    #: When it was last read or made (seconds since 1970). A file system may round it to a day.
    used: float


class Removal(Struct, frozen=True):
    """Something that may be removed, and why; after the attempt also its outcome."""

    path: Path
    size: int
    why: str
    #: Why it is still there; empty if it is gone.
    kept: str = ""
    #: Whether its removal failed.
    failed: bool = False


def megabytes(size: int) -> str:
    """Return a size in bytes for a person."""
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


def size_of(path: Path, without: frozenset[Path] = frozenset()) -> int:
    """Return the bytes on disk of a file, or of all files below a folder except those in `without`."""
    if path.is_symlink():
        return 0
    return _below(str(path), frozenset(map(str, without))) if path.is_dir() else _on_disk(path.stat())


def _below(folder: str, without: frozenset[str]) -> int:
    """Return the bytes of all files below a folder. A tool root has 20,000, so the names are plain strings."""
    total = 0
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.path in without:
                continue
            if entry.is_dir(follow_symlinks=False):
                total += _below(entry.path, without)
            else:
                total += _on_disk(entry.stat(follow_symlinks=False))
    return total


def _on_disk(status: os.stat_result) -> int:
    """Return the bytes of a file without its holes, shared among all of its names (hard links)."""
    return min(status.st_size, status.st_blocks * _BLOCK) // status.st_nlink


def matches(root: Path, pattern: str, unseen: set[Path]) -> Iterator[Path]:
    """Yield what a pattern matches below a folder, sorted. Links and folders that cannot be read go to `unseen`."""
    first, _, rest = pattern.partition("/")
    if root.is_symlink():
        unseen.add(root)
        return
    try:
        names = sorted(os.listdir(root))  # noqa: PTH208  (names are wanted, and an error for a file)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        unseen.add(root)
        return
    for name in names:
        if fnmatch(name, first):
            yield from matches(root / name, rest, unseen) if rest else [root / name]


def by_use(paths: Iterable[Path], without: frozenset[Path] = frozenset()) -> tuple[Entry, ...]:
    """Return the entries at these paths, the last used first. What vanishes or cannot be read is left out.

    The sizes are without what belongs to other entries, `without`.
    """
    entries = []
    for path in paths:
        with suppress(OSError):
            status, digest = path.lstat(), checksum.beside(path)
            size = size_of(path, without) + (size_of(digest) if digest.exists() else 0)
            entries.append(Entry(path, size, max(status.st_atime, status.st_mtime)))
    return tuple(sorted(entries, key=lambda entry: (-entry.used, entry.path)))
