# SPDX-License-Identifier: GPL-2.0-only
"""The trees to whose files a patch is applied, and which of them it fits best."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from lazymmu.header.hunks import Change, Fit, Refused, applied
from lazymmu.provision import kernels
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.lock import Part
from lazymmu.provision.packages import Fetching
from lazymmu.support.errors import SetupError


class Base(Struct, frozen=True):
    """A tree, or what Debian packages of one: the headers."""

    #: For messages: `current (Linux 7.3.4)`.
    name: str
    folder: Path
    #: Name of the catalogue's kernel; empty for the user's tree.
    kernel: str = ""
    #: The package that has the folder.
    package: Part | None = None
    #: Why it is not available; empty if it is.
    refusal: str = ""

    def fetch(self, cache: Cache, *, offline: bool) -> None:
        """Fetch the folder if it is missing. Raises SetupError."""
        if self.refusal:
            raise SetupError(self.refusal)
        if self.package is None or self.folder.is_dir():
            return
        if offline:
            raise SetupError("its headers are not in the cache, and --offline forbids fetching them")
        what = f"headers of {self.name}"
        Fetching(cache.root, [self.package], what, cache.progress, cache.tools.stopped).wait(self.package.packages)


class Nearest(Struct, frozen=True):
    """The base that changes of one file fit best."""

    base: Base
    #: The file before them.
    before: str
    fit: Fit
    #: The file is the one for which git made the patch.
    exact: bool

    def quality(self) -> str:
        """Return how well they fit, for a person."""
        lines = f"{self.fit.offset} line{'' if self.fit.offset == 1 else 's'}"
        moved = f"moved by up to {lines}" if self.fit.offset else "every hunk at its line"
        if self.exact:
            moved = f"{'' if self.fit.fuzz else 'exactly '}the file that the patch was made for"
        return f"{moved}, {self.fit.fuzz} lines of context left out" if self.fit.fuzz else moved


class NoBase(Exception):
    """Changes fit no base; `tried` has each base's name and why not."""

    def __init__(self, tried: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in tried.items()))
        self.tried = tried


def of_kernel(cache: Cache, kernel: Kernel, arches: Iterable[str]) -> Base:
    """Return the base of a kernel: its headers for the first of these architectures for which it is resolved."""
    for arch in arches:
        if release := kernels.locked(cache, kernel, arch):
            package, folder = kernels.headers_package(cache, release)
            version = package.release.partition("+")[0].partition("-")[0]
            return Base(f"{kernel.name} (Linux {version})", folder, kernel.name, package)
    return Base(kernel.name, Path(), kernel.name, refusal="it is not resolved: `lazymmu setup --kernel NAME` does that")


def nearest(
    path: str, changes: Sequence[Change], groups: Iterable[Sequence[Base]], fetch: Callable[[Base], None]
) -> Nearest:
    """Return the base whose file these changes fit best, of the first group that has one. Raises NoBase.

    Best is the file that git's `index` line names, then the least fuzz, then the least offset.
    """
    tried: dict[str, str] = {}
    for bases in groups:
        found = []
        for base in bases:
            try:
                fetch(base)
                before = (base.folder / path).read_bytes().decode("utf-8", "replace")
                fit = applied(before, changes)
                found.append(Nearest(base, before, fit, exact=_is_blob(before, changes[0].blob)))
            except Refused as refusal:
                tried[base.name] = "the patch is already in it" if _is_in(before, changes) else str(refusal)
            except FileNotFoundError:
                tried[base.name] = "it has no such file"
            except (SetupError, OSError) as error:
                tried[base.name] = error.message if isinstance(error, SetupError) else str(error)
        if found:
            return min(found, key=lambda one: (not one.exact, one.fit.fuzz, one.fit.offset))
    raise NoBase(tried)


def _is_blob(text: str, name: str) -> bool:
    """Return whether git calls a file with this text so."""
    content = text.encode()
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return bool(name) and digest.startswith(name)


def _is_in(text: str, changes: Sequence[Change]) -> bool:
    back = [
        Change(one.before, one.path, tuple(hunk.reversed() for hunk in one.hunks), subject=one.subject)
        for one in reversed(changes)
    ]
    try:
        return applied(text, back).fuzz == 0
    except Refused:
        return False
