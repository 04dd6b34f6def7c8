# SPDX-License-Identifier: GPL-2.0-only
"""What of the cache may go, and its removal; nothing that a live process makes or uses is touched."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.provision import checksum, kernels, tool_root
from lazymmu.provision.cache import Cache, remove
from lazymmu.provision.cache_lock import entries_locked
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.catalogue import kernels as catalogue
from lazymmu.provision.integrity import damage
from lazymmu.provision.inventory import KINDS, SNAPSHOTS, Entry, Inventory, Leftover, Removal, beyond, size_of, take
from lazymmu.support.errors import LazymmuError

# Below the cache folder, everything that is ever made there; what else stands there is not ours.
_FOLDERS = tuple(dict.fromkeys(pattern.partition("/")[0] for kind in KINDS for pattern in kind.patterns))
_EARLIER_FOLDERS = ("downloads",)


class Removed(Struct, frozen=True):
    """What became of a removal."""

    removal: Removal
    #: Why it is still there; empty when it is gone.
    kept: str = ""
    #: It should be gone, but could not be removed.
    failed: bool = False


def kernel_names(root: Path) -> list[str]:
    """Return the names of all kernels that this or an earlier catalogue knew."""
    with suppress(OSError):
        return sorted({*catalogue(), *(path.stem for path in (root / "kernels").glob("*.json"))})
    return sorted(catalogue())


def inventory(cache: Cache) -> Inventory:
    """Return what a cache holds."""
    return take(cache.root, kernel_names(cache.root))


def _referred(cache: Cache) -> set[str] | None:
    """Return names of boot images (without suffix) and packages in the lock files, None when one cannot be read."""
    found = set()
    for name in kernel_names(cache.root):
        try:
            releases = kernels.locked(cache, Kernel(name=name, title="", suite="", flavours={}))
        except (LazymmuError, OSError):
            return None
        for release in releases.values():
            found.add(f"{release.release}_{release.version}")
            found |= {package.partition(":")[0] for package in release.packages}
    return found


def unneeded(cache: Cache, stock: Inventory) -> Iterator[Removal]:
    """Yield tool roots, kernels and headers that no recipe or lock file refers to, and digests without an entry."""
    try:
        current = {tool_root.path(cache, arch) for arch in architectures()}
    except LazymmuError:
        # A host without a recipe: nobody can tell what is needed.
        return
    for entry in stock.entries["digests"]:
        if not entry.path.with_suffix("").exists():
            yield Removal(entry.path, entry.size, "its entry is gone")
    for entry in stock.entries["tool roots"]:
        if entry.path not in current:
            yield Removal(entry.path, size_of(entry.path), "its packages are not those that guests use now")
    referred = _referred(cache)
    if referred is None:
        return
    why = "no locked kernel version refers to it"
    for entry in stock.entries["kernels"]:
        if entry.path.stem not in referred:
            yield Removal(entry.path, entry.size, why)
    for entry in stock.entries["headers"]:
        if entry.path.name not in referred:
            yield Removal(entry.path, entry.size, why)


def damaged(stock: Inventory, snapshots: Callable[[Path], str | None]) -> Iterator[Removal]:
    """Yield the entries that are damaged, with what is wrong with each.

    `snapshots` says how to look at snapshots, which are gigabytes: `checksum.glance`, as a run does, or `mismatch`.
    """
    entries = [(kind, entry) for kind, entries in stock.entries.items() for entry in entries]

    def wrong(kind_and_entry: tuple[str, Entry]) -> str | None:
        kind, entry = kind_and_entry
        return damage(kind, entry.path, snapshots if kind == SNAPSHOTS.name else checksum.mismatch)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (_, entry), why in zip(entries, pool.map(wrong, entries), strict=True):
            if why:
                yield Removal(entry.path, entry.size, why)


def unused(cache: Cache, stock: Inventory) -> list[Removal]:
    """Return the whole entries that may go: damaged, not needed any more, or beyond their kind's limit."""
    found: dict[Path, Removal] = {}
    limited = (removal for kind in KINDS for removal in beyond(stock.entries[kind.name], kind.limit))
    for removal in (*unneeded(cache, stock), *damaged(stock, checksum.glance), *limited):
        found.setdefault(removal.path, removal)
    return [one for path, one in found.items() if not any(parent in found for parent in path.parents)]


def everything(root: Path) -> list[Removal]:
    """Return all that the harness ever made in the cache folder."""
    why = "--all"
    folders = [root.resolve() / name for name in (*_FOLDERS, *_EARLIER_FOLDERS)]
    return [Removal(path, size_of(path), why) for path in folders if path.is_symlink() or path.exists()]


def held_locks(root: Path) -> list[Path]:
    """Return the locks of entries that are being made now."""
    found = []
    for path in sorted((root / "locks").glob("*.lock")):
        with entries_locked(root, (), files=(path,)) as free:
            if not free:
                found.append(path)
    return found


def _take_away(path: Path) -> None:
    """Remove an entry; killed in the middle, this leaves a leftover and never half an entry."""
    beside = checksum.beside(path)
    if path.is_dir() and not path.is_symlink():
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        path.rename(aside)
        path = aside
    remove(path)
    remove(beside)


def carry_out(removals: Iterable[Removal], *, dry_run: bool) -> Iterator[Removed]:
    """Remove entries, yielding each; the caller has the cache to itself."""
    for removal in removals:
        try:
            if not dry_run:
                _take_away(removal.path)
        except OSError as error:
            yield Removed(removal, str(error), failed=True)
        else:
            yield Removed(removal)


def clear(root: Path, leftovers: Sequence[Leftover], *, idle: bool, dry_run: bool) -> Iterator[Removed]:
    """Remove what killed processes left, yielding each; what a live one is making is kept.

    `idle`: the caller has the cache to itself; what no lock guards goes only then.
    """
    for left in leftovers:
        removal = Removal(left.path, left.size, "left by a process that was killed")
        if not left.guards and not idle:
            yield Removed(removal, "somebody uses the cache")
            continue
        try:
            with entries_locked(root, left.guards, make=not dry_run) as free:
                if free and not dry_run:
                    remove(left.path)
        except OSError as error:
            yield Removed(removal, str(error), failed=True)
        else:
            yield Removed(removal, "" if free else "somebody is making it")
