# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of entries that the cache holds. Each file in `cache_kinds/` defines NAME and KIND."""

from collections.abc import Mapping
from functools import cache
from typing import Protocol

from msgspec import Struct

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.checksum import Look, mismatch
from lazymmu.support.catalogue import Catalogue


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
