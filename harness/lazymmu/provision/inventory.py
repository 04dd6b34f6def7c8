# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds: the kinds of entries with their limits, their sizes, what is left over, what may go.

Nothing here removes anything (harness/lazymmu/provision/pruning.py does), and no symbolic link is followed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from msgspec import Struct

from lazymmu.provision.checksum import SUFFIX

_DAY = 86_400.0
# Linux: man 2 stat, st_blocks.
_BLOCK = 512


class Limit(Struct, frozen=True):
    """What `lazymmu clean` leaves of a kind, those used last; None is no limit."""

    entries: int | None = None
    #: Bytes of all entries together.
    size: int | None = None
    #: Days since an entry was last used.
    days: int | None = None

    def __str__(self) -> str:
        parts = [
            *([f"{self.entries} entries"] if self.entries is not None else []),
            *([megabytes(self.size)] if self.size is not None else []),
            *([f"{self.days} days"] if self.days is not None else []),
        ]
        return ", ".join(parts)


class Kind(Struct, frozen=True):
    """One kind of cache entry; a new kind is a new line in KINDS."""

    name: str
    #: Where its entries stand, below the cache folder; `*` matches within one name.
    patterns: tuple[str, ...]
    what: str
    limit: Limit = Limit()


# A digest goes with its entry.
_IN_ROOT = tuple(
    f"roots/*/lazymmu/{folder}"
    for folder in ("archives", "kernels", "libraries", "modules", "remote", "shells", "snapshots")
)
_BESIDE = tuple(f"{folder}/*{SUFFIX}" for folder in (*_IN_ROOT, "kvm", "symbols"))

#: The one kind that is held to its limit whenever an entry is added, too: they are large.
SNAPSHOTS = Kind(
    "snapshots",
    ("roots/*/lazymmu/snapshots/*.snapshot",),
    "guests as they were when their agent waited, without the module and with it",
    Limit(entries=36, size=2_200_000_000, days=30),
)

#: Every kind of entry. Those of the tool root and the kernels go when no recipe or lock file refers to them.
KINDS = (
    Kind("tool roots", ("roots/*",), "compilers and QEMU"),
    Kind("kernels", ("roots/*/lazymmu/kernels/*",), "boot images"),
    Kind("headers", ("roots/*/usr/src/linux-*", "roots/*/usr/lib/linux-kbuild-*"), "what modules are built with"),
    Kind("modules", ("roots/*/lazymmu/modules/*.ko",), "builds of guest/module", Limit(entries=60, days=30)),
    Kind("builds", ("roots/*/lazymmu/builds/*",), "objects of unchanged source files", Limit(entries=36, days=30)),
    Kind("archives", ("roots/*/lazymmu/archives/*.cpio",), "what guests boot into", Limit(entries=24, days=30)),
    SNAPSHOTS,
    Kind("shells", ("roots/*/lazymmu/shells/*",), "busybox for guests", Limit(entries=6, days=30)),
    Kind("libraries", ("roots/*/lazymmu/libraries/*.tar.gz",), "scenarios for guests", Limit(entries=6, days=30)),
    Kind("servers", ("roots/*/lazymmu/remote/*.cpio",), "SSH server and driver for guests", Limit(entries=12, days=30)),
    Kind("KVM answers", ("kvm/*",), "outcomes of trials of KVM", Limit(entries=20, days=30)),
    Kind("symbols", ("symbols/*",), "names of a kernel's addresses", Limit(entries=24, days=30)),
    Kind("digests", _BESIDE, "SHA-256 of the entries beside them"),
    Kind(
        "versions",
        ("kernels/*.json", "kernels/*.answers", "shells/*.json"),
        "the locked versions of kernels and shells, and what apt said of them",
    ),
    # Never removed one by one: the same lock could then be given to two.
    Kind("locks", ("locks/*.lock",), "empty files, one for each entry ever made"),
)

# What a killed process leaves: NAME.TOKEN.partial beside NAME (provision/cache.py), and what earlier versions did.
_PARTIALS = ("*/*.partial", "roots/*/lazymmu/*.partial", "roots/*/lazymmu/*/*.partial")
_BUILDS = {"roots/*/lazymmu/modules/*.build": ".ko", "roots/*/lazymmu/archives/*.build": ".cpio"}
_DOWNLOADS = "downloads/*"
# A sandbox by chroot has no /tmp of its own.
_TEMPORARY = "roots/*/tmp/*"


class Entry(Struct, frozen=True):
    """One thing in the cache."""

    path: Path
    #: Bytes, those of entries of other kinds below it left out.
    size: int
    #: When it was last read or made (seconds since 1970); a file system may round it to a day.
    used: float


class Leftover(Struct, frozen=True):
    """Something half made. Whoever makes it holds the locks of `guards`; with none, the whole cache must be idle."""

    path: Path
    size: int
    guards: tuple[Path, ...]


class Removal(Struct, frozen=True):
    """Something that may go, and why."""

    path: Path
    size: int
    why: str


class Inventory(Struct, frozen=True):
    """Everything that the cache holds."""

    root: Path
    #: Kind's name -> its entries, those used last first.
    entries: dict[str, tuple[Entry, ...]]
    leftovers: tuple[Leftover, ...]
    #: Symbolic links in place of folders, and folders that may not be read: what is behind them is left alone.
    unseen: tuple[Path, ...]

    def size(self, kind: str) -> int:
        """Return the bytes of a kind."""
        return sum(entry.size for entry in self.entries[kind])

    def total(self) -> int:
        """Return the bytes of everything that is known."""
        return sum(self.size(kind) for kind in self.entries) + sum(left.size for left in self.leftovers)


def megabytes(size: int) -> str:
    """Return a size in bytes for a person."""
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


def size_of(path: Path, without: frozenset[Path] = frozenset()) -> int:
    """Return the bytes of a file or of all files below a folder, but for `without`; links count nothing."""
    if path.is_symlink():
        return 0
    if not path.is_dir():
        return _on_disk(path.stat())
    total = 0
    for folder, folders, files in os.walk(path):
        here = Path(folder)
        if without:
            folders[:] = [name for name in folders if here / name not in without]
        for name in files:
            if not without or here / name not in without:
                total += _on_disk(os.lstat(f"{folder}/{name}"))
    return total


def _on_disk(status: os.stat_result) -> int:
    """Return the bytes of a file, its holes left out."""
    return min(status.st_size, status.st_blocks * _BLOCK)


def matches(root: Path, pattern: str, unseen: set[Path]) -> Iterator[Path]:
    """Yield what a pattern matches below a folder, sorted; what cannot be looked into is added to `unseen`."""
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
        if not fnmatch(name, first):
            continue
        if rest:
            yield from matches(root / name, rest, unseen)
        else:
            yield root / name


def stored(folder: Path, kind: Kind) -> list[Entry]:
    """Return the entries of a kind in the folder that holds them, those used last first."""
    pattern = kind.patterns[0].rpartition("/")[2]
    return sorted(_tolerant(folder.glob(pattern), _entry), key=lambda one: (-one.used, one.path))


def _entry(path: Path, without: frozenset[Path] = frozenset()) -> Entry:
    status = path.lstat()
    return Entry(path, size_of(path, without), max(status.st_atime, status.st_mtime))


def _tolerant(paths: Iterable[Path], make: Callable[[Path], Entry]) -> Iterator[Entry]:
    for path in paths:
        try:
            yield make(path)
        except OSError:
            # It went while we looked, or may not be read.
            continue


def _guards(root: Path, kernels: Sequence[str], unseen: set[Path]) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Yield each leftover with the entries whose locks its maker holds."""
    for pattern in _PARTIALS:
        for path in matches(root, pattern, unseen):
            whole, _, token = path.name.removesuffix(".partial").rpartition(".")
            if whole:
                yield path, (path.with_name(whole),)
            elif path.parent == root / "kernels":
                yield path, (path.with_name(token),)
            else:
                yield path, tuple(root / "kernels" / name for name in kernels)
    for pattern, suffix in _BUILDS.items():
        for path in matches(root, pattern, unseen):
            yield path, (path.with_suffix(suffix),)
    for path in matches(root, _DOWNLOADS, unseen):
        if path.suffix != ".partial":
            yield path, (root / "kernels" / path.name,)
    for path in matches(root, _TEMPORARY, unseen):
        yield path, ()


def take(root: Path, kernels: Sequence[str]) -> Inventory:
    """Return what the cache folder holds; `kernels` are the names under whose locks kernels are unpacked.

    A folder that is not there holds nothing. Raises nothing for what goes or cannot be read while we look.
    """
    unseen: set[Path] = set()
    # Links above it are the user's own: a cache may stand on another disk.
    root = root.resolve()
    found = list(_guards(root, kernels, unseen))
    left = {path for path, _ in found}
    paths = {
        kind.name: [
            path
            for pattern in kind.patterns
            for path in matches(root, pattern, unseen)
            if path not in left and (path.suffix == SUFFIX) == (kind.patterns is _BESIDE)
        ]
        for kind in KINDS
    }
    every = frozenset(left.union(*paths.values()))

    def entry(path: Path) -> Entry:
        return _entry(path, every - {path})

    entries = {
        kind: tuple(sorted(_tolerant(found_paths, entry), key=lambda one: (-one.used, one.path)))
        for kind, found_paths in paths.items()
    }
    leftovers = tuple(
        Leftover(one.path, one.size, guards)
        for path, guards in found
        for one in _tolerant([path], lambda path: Entry(path, size_of(path), 0.0))
    )
    return Inventory(root, entries, leftovers, tuple(sorted(unseen)))


def beyond(entries: Sequence[Entry], limit: Limit, now: float | None = None) -> list[Removal]:
    """Return what a limit leaves no room for; `entries` in order of use, the last used first."""
    now = time.time() if now is None else now
    found = []
    kept = size = 0
    for entry in entries:
        why = ""
        if limit.days is not None and now - entry.used > limit.days * _DAY:
            why = f"not used for {limit.days} days"
        elif limit.entries is not None and kept >= limit.entries:
            why = f"{limit.entries} are kept"
        elif limit.size is not None and size + entry.size > limit.size:
            why = f"{megabytes(limit.size)} are kept"
        if why:
            found.append(Removal(entry.path, entry.size, why))
        else:
            kept, size = kept + 1, size + entry.size
    return found
