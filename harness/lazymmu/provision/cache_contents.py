# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds, how much is kept of each kind, and its removal. Symbolic links are not followed."""

from __future__ import annotations

import os
import re
import secrets
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct, ValidationError, convert

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue, checksum, debug_info, packages, parts, tool_root
from lazymmu.provision.cache import PARTIAL, Cache, matches, remove, unfinished
from lazymmu.support.errors import LazymmuError, SetupError

# A sandbox by chroot has no /tmp of its own.
_TEMPORARY = "roots/*/tmp/*"
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
    if path.is_symlink() or not path.is_dir():
        return 0 if path.is_symlink() else _on_disk(path.stat())
    total, left_out = 0, set(map(str, without))
    # A tool root has 20,000 files, so their names are plain strings.
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if f"{folder}/{name}" not in left_out]
        files = (file for name in names if (file := f"{folder}/{name}") not in left_out)
        total += sum(_on_disk(os.lstat(file)) for file in files)
    return total


def _on_disk(status: os.stat_result) -> int:
    """Return the bytes of a file without its holes, shared among all of its names (hard links)."""
    return min(status.st_size, status.st_blocks * _BLOCK) // status.st_nlink


def by_use(paths: Iterable[Path], without: frozenset[Path] = frozenset()) -> tuple[Entry, ...]:
    """Return the entries at these paths that can be read, the last used first; for `without` see `size_of`."""
    entries = []
    for path in paths:
        with suppress(OSError):
            status, digest = path.lstat(), checksum.beside(path)
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


class CacheKind(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of entry: a file of `cache_kinds`, whose name without `.toml` is the kind's."""

    #: What the entries are, for the doctor.
    what: str
    #: Where they are, below the cache folder. `*` matches within one name.
    patterns: tuple[str, ...]
    #: What `lazymmu clean` keeps of them.
    limit: Limit = Limit()
    #: How `lazymmu clean` checks a file: all of it, at little cost, or not at all, for files without a SHA-256.
    check: Literal["mismatch", "glance", "none"] = "mismatch"
    #: Why an entry may go that no recipe and no lock file mentions. Empty if they mention none of this kind.
    unmentioned: str = ""


@cache
def kinds() -> Mapping[str, CacheKind]:
    """Return all kinds by name. Raises SetupError for a file that breaks the convention."""
    found = {}
    for file in sorted(Path(__file__).with_name("cache_kinds").glob("*.toml")):
        text = file.read_text(encoding="utf-8")
        try:
            found[file.stem.replace("-", " ")] = convert(tomllib.loads(text), CacheKind)
        except ValidationError as error:
            raise SetupError(f"{file}:1: {error}") from error
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"at line (\d+)", str(error))
            raise SetupError(f"{file}:{place[1] if place else len(text.splitlines())}: {error}") from error
    return found


class CacheContents(Struct, frozen=True):
    """Everything that a cache holds."""

    cache: Cache
    #: Kind's name -> its entries, the last used first.
    entries: dict[str, tuple[Entry, ...]]
    #: Unfinished things: a live process makes them, or a killed one left them.
    leftovers: tuple[Entry, ...]
    #: Symbolic links in place of folders, and folders that cannot be read.
    unseen: tuple[Path, ...]

    @classmethod
    def read(cls, cache: Cache) -> CacheContents:
        """Return what a cache holds; a folder that does not exist holds nothing. Raises SetupError."""
        # Symbolic links above the cache are the user's own.
        root, unseen = cache.root.resolve(), set[Path]()
        leftovers = {*matches(root, _TEMPORARY, unseen), *(path for path, _ in unfinished(root, unseen))}
        paths: dict[str, set[Path]] = {}
        for name, kind in kinds().items():
            digests = [f"{pattern}{checksum.SUFFIX}" for pattern in kind.patterns if kind.check != "none"]
            found = {path for pattern in (*kind.patterns, *digests) for path in matches(root, pattern, unseen)}
            paths[name] = {path for path in found if path.suffix != checksum.SUFFIX} - leftovers
            leftovers |= {path for path in found - paths[name] if not path.with_suffix("").exists()}
        every = set().union(*paths.values())
        others = frozenset({*every, *map(checksum.beside, every), *leftovers})
        entries = {name: by_use(found, others) for name, found in paths.items()}
        return cls(cache, entries, by_use(sorted(leftovers)), tuple(sorted(unseen)))

    def total(self) -> int:
        """Return the bytes of all entries and leftovers."""
        return sum(entry.size for entries in (*self.entries.values(), self.leftovers) for entry in entries)

    def unneeded(self) -> list[Removal]:
        """Return the entries that no recipe and no lock file mentions; none if some recipe or file cannot be read."""
        try:
            mentioned = set(_mentioned(self.cache))
        except (LazymmuError, OSError):
            return []
        return [
            Removal(entry.path, size_of(entry.path), kind.unmentioned)
            for name, kind in kinds().items()
            if kind.unmentioned
            for entry in self.entries[name]
            if not {entry.path.name, entry.path.stem} & mentioned
        ]

    def damaged(self, *, thoroughly: bool = False) -> list[Removal]:
        """Return the damaged entries. `thoroughly` compares every byte also of kinds with a cheaper check."""
        looks = {"mismatch": checksum.mismatch, "glance": checksum.mismatch if thoroughly else checksum.glance}
        checks = ((looks.get(kind.check), self.entries[name]) for name, kind in kinds().items())
        entries = [(entry, look) for look, some in checks if look for entry in some]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(lambda one: checksum.entry_damage(one[0].path, one[1]), entries))
        return [Removal(entry.path, entry.size, why) for (entry, _), why in zip(entries, found, strict=True) if why]

    def removable(self, *, checked: bool = True) -> list[Removal]:
        """Return what may go if no other process uses the cache. Damage is only looked for if `checked`."""
        left = (Removal(entry.path, entry.size, "left by a process that was killed") for entry in self.leftovers)
        excess = (removal for name, kind in kinds().items() for removal in kind.limit.over(self.entries[name]))
        damaged = self.damaged() if checked else []
        found = {removal.path: removal for removal in (*left, *excess, *damaged, *self.unneeded())}
        return [one for path, one in found.items() if not any(parent in found for parent in path.parents)]


def _mentioned(cache: Cache) -> Iterator[str]:
    """Yield the names of the entries that the lock mentions. Raises SetupError."""
    for wanted in parts.every(catalogue.kernels().values()):
        part = tool_root.locked(cache, wanted)
        if part is not None:
            yield f"{part.release}_{part.version}"
            for package in part.packages:
                yield from (package.name, packages.folder(cache.root, package).name)
    for kernel in catalogue.kernels().values():
        for arch in kernel.flavours:
            info = debug_info.locked(cache, kernel, arch)
            yield from (packages.folder(cache.root, package).name for package in (info.packages if info else ()))
    roots = [tool_root.with_common(cache, part) for part in (parts.host_apt(), parts.host_debugger())]
    for arch in architectures():
        roots += [tool_root.part(cache, arch), tool_root.part_for_kernels(cache, arch)]
    yield from (tool_root.path_of(cache, root).name for root in roots if root)


def everything_in(root: Path) -> list[Removal]:
    """Return the folders in the cache folder that the harness made. Other files there belong to somebody else."""
    names = dict.fromkeys(pattern.partition("/")[0] for kind in kinds().values() for pattern in kind.patterns)
    paths = [root.resolve() / name for name in names]
    return [Removal(path, size_of(path), "--all") for path in paths if path.is_symlink() or path.exists()]


def remove_entry(path: Path) -> None:
    """Remove an entry. If this is killed, it leaves a leftover and never half an entry."""
    beside = checksum.beside(path)
    if path.is_dir() and not path.is_symlink() and path.suffix != PARTIAL:
        path = path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}"))
    remove(path)
    remove(beside)
