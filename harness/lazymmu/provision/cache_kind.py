# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of cache entries, and how much is kept of each. Each file in `cache_kinds/` defines NAME and KIND."""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

from msgspec import Struct

from lazymmu.provision.cache_entries import Entry, Removal, megabytes
from lazymmu.provision.checksum import Look, mismatch
from lazymmu.support.catalogue import Catalogue

_DAY = 86_400.0


class Limit(Struct, frozen=True):
    """How much `lazymmu clean` keeps; the entries used last come first. None is no limit."""

    entries: int | None = None
    #: Bytes of all entries together.
    size: int | None = None
    #: Days since an entry was last used.
    days: int | None = None

    def __str__(self) -> str:
        parts = (
            None if self.entries is None else f"{self.entries} entries",
            None if self.size is None else megabytes(self.size),
            None if self.days is None else f"{self.days} days",
        )
        return ", ".join(part for part in parts if part)

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
