# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the folders for the cache and the results: access, space, sizes and leftovers."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lazymmu.doctor.check import Check, State
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents, kinds, megabytes, size_of
from lazymmu.provision.keys import FOLDER_HINT
from lazymmu.reports.results_folder import KEPT, default_root, kept
from lazymmu.support import disk

# So many names are shown of a list.
_SHOWN = 5


def _denial(path: Path, need: int) -> str | None:
    """Return why this user cannot use a folder, or the one in which a run would create it; None if they can."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    if not path.is_dir():
        return f"{path} is not a folder"
    if not os.access(path, need):
        return f"{path} is not {'writable' if need == os.W_OK else 'readable'} for this user"
    return None


def cache(root: Path, needs: int, *, writes: bool) -> Iterator[Check]:
    """Check that the cache can be read, and if a run `writes` to it, also written, and that it has the space."""
    unwritable = _denial(root, os.W_OK)
    denial = _denial(root, os.R_OK | os.X_OK) or (unwritable if writes else None)
    found = denial or (f"{unwritable}; it has everything that a run uses" if unwritable else str(root))
    state = State.BROKEN if denial else State.NOTE if unwritable else State.OK
    advice = FOLDER_HINT if unwritable or denial else None
    yield Check("cache", state, found, advice, bool(denial), {"path": str(root)}, found)
    free = disk.free(root)
    found = f"{megabytes(free)} free, a run needs about {megabytes(needs)}"
    state, advice = (State.BROKEN, f"free some space, or {FOLDER_HINT}") if free < needs else (State.OK, None)
    yield Check("disk", state, found, advice, free < needs, {"free": free, "needed": needs}, found)


def _cleanable(name: str, found: str, excess: object, facts: Mapping[str, Any], short: str) -> Check:
    """Return a check that names `lazymmu clean` if there is something to remove."""
    state, advice = (State.NOTE, "lazymmu clean") if excess else (State.OK, None)
    return Check(name, state, found, advice, facts=facts, short=short)


def contents(cache: Cache, deep: bool) -> Iterator[Check]:
    """Check the sizes of what the cache holds, and what `lazymmu clean` would remove; damage only if `deep`."""
    stock = CacheContents.read(cache)
    for name, kind in kinds().items():
        if entries := stock.entries[name]:
            size, limit = sum(entry.size for entry in entries), kind.limit
            found = f"{len(entries)} entries, {megabytes(size)}: {kind.what}; limit {str(limit) or 'none'}"
            bounds = {"entries": limit.entries, "bytes": limit.size, "days": limit.days}
            facts = {"entries": len(entries), "bytes": size, "limit": bounds}
            yield Check(f"size {name}", State.OK, found, facts=facts)
    total = stock.total()
    all_ = megabytes(total)
    yield Check("size of all", State.OK, all_, facts={"bytes": total}, short=f"{all_} in the cache")
    for removal in stock.damaged(thoroughly=True) if deep else ():
        yield Check("damaged", State.BROKEN, f"{removal.path} {removal.why}", "lazymmu clean")
    if stock.unseen:
        yield Check("unseen", State.NOTE, f"symbolic links, or not readable: {', '.join(map(str, stock.unseen))}")
    things = stock.removable(checked=False)
    size = sum(one.size for one in things)
    names = [f"{one.path} ({one.why})" for one in things[:_SHOWN]] + ["..."] * (len(things) > _SHOWN)
    found = f"{megabytes(size)} in {len(things)} things: {', '.join(names)}" if things else "none"
    short = f"lazymmu clean would remove {megabytes(size)}" if things else "nothing to remove"
    yield _cleanable("removable", found, things, {"entries": len(things), "bytes": size}, short)


def results() -> Iterator[Check]:
    """Check the default folder for results, and the number of runs in it."""
    folder = default_root()
    if denial := _denial(folder, os.W_OK):
        advice = "set XDG_STATE_HOME, or use lazymmu run --out DIR"
        yield Check("results", State.BROKEN, denial, advice, blocks=True, facts={"path": str(folder)})
        return
    runs = kept(folder)
    size = sum(map(size_of, runs))
    facts = {"path": str(folder), "entries": len(runs), "bytes": size, "limit": {"entries": KEPT}}
    found = f"{folder}: {len(runs)} runs, {megabytes(size)}; limit {KEPT} runs"
    yield _cleanable("results", found, len(runs) > KEPT, facts, found)
