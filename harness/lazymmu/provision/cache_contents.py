# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds, which of it may go, and its removal. Symbolic links are not followed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue, checksum, packages, parts, tool_root
from lazymmu.provision.cache import PARTIAL, Cache, matches, remove, unfinished
from lazymmu.provision.cache_kind import Entry, Removal, by_use, kinds, size_of
from lazymmu.support.errors import LazymmuError

# A sandbox by chroot has no /tmp of its own.
_TEMPORARY = "roots/*/tmp/*"


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
            digests = [f"{pattern}{checksum.SUFFIX}" for pattern in kind.patterns if kind.check]
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
        looks = {name: checksum.mismatch if kind.check and thoroughly else kind.check for name, kind in kinds().items()}
        entries = [(entry, look) for name, look in looks.items() if look for entry in self.entries[name]]
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
    roots = [tool_root.with_common(cache, parts.host_apt()), *(tool_root.part(cache, arch) for arch in architectures())]
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
