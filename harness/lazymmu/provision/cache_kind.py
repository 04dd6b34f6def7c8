# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of cache entries, and how much is kept of each. Each file in `cache_kinds/` defines NAME and KIND."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from lazymmu.provision.checksum import Look, beside, mismatch
from lazymmu.support.catalogue import Catalogue

_DAY = 86_400.0
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


def by_use(paths: Iterable[Path], without: frozenset[Path] = frozenset()) -> tuple[Entry, ...]:
    """Return the entries at these paths that can be read, the last used first; for `without` see `size_of`."""
    entries = []
    for path in paths:
        with suppress(OSError):
            status, digest = path.lstat(), beside(path)
            size = size_of(path, without) + (size_of(digest) if digest.exists() else 0)
            entries.append(Entry(path, size, max(status.st_atime, status.st_mtime)))
    return tuple(sorted(entries, key=lambda entry: (-entry.used, entry.path)))


class Limit(Struct, frozen=True):
    """How much `lazymmu clean` keeps: the entries that were used last. None means no limit."""

    entries: int | None = None
    #: Bytes of all entries together.
    size: int | None = None
    #: Days since an entry was last used.
    days: int | None = None

    def __str__(self) -> str:
        size = None if self.size is None else megabytes(self.size)
        limits = ((self.entries, f"{self.entries} entries"), (size, size), (self.days, f"{self.days} days"))
        return ", ".join(str(text) for limit, text in limits if limit is not None)

    def over(self, entries: Sequence[Entry], now: float | None = None) -> list[Removal]:
        """Return the entries over the limit; `entries` has the last used first."""
        now = time.time() if now is None else now
        found = []
        kept = size = 0
        for entry in entries:
            why = ""
            if self.days is not None and now - entry.used > self.days * _DAY:
                why = f"not used for {self.days} days"
            elif self.entries is not None and kept >= self.entries:
                why = f"{self.entries} {'is' if self.entries == 1 else 'are'} kept"
            elif self.size is not None and size + entry.size > self.size:
                why = f"{megabytes(self.size)} are kept"
            if why:
                found.append(Removal(entry.path, entry.size, why))
            else:
                kept, size = kept + 1, size + entry.size
        return found


class CacheKind(Struct, frozen=True):
    """One kind of entry."""

    #: What the entries are, for the doctor.
    what: str
    #: Where they are, below the cache folder. `*` matches within one name.
    patterns: tuple[str, ...]
    #: What `lazymmu clean` keeps of them.
    limit: Limit = Limit()
    #: How `lazymmu clean` checks a file. None for files without a SHA-256.
    check: Look | None = mismatch
    #: Why an entry may go that no recipe and no lock file mentions. Empty if they mention none of this kind.
    unmentioned: str = ""


class _Entry(Protocol):
    NAME: str
    KIND: CacheKind


_CATALOGUE: Catalogue[_Entry] = Catalogue("lazymmu.provision.cache_kinds", "kind of cache entry", {"KIND": CacheKind})


@cache
def kinds() -> Mapping[str, CacheKind]:
    """Return all kinds by name. Raises SetupError if a file is broken: `clean` must know what every entry is."""
    return {name: entry.KIND for name, entry in _CATALOGUE.every().items()}
