# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the folders for the cache and the results: access, space, sizes, leftovers, and guests that use them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.doctor.processes import emulators
from lazymmu.provision import builds, setup
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents
from lazymmu.provision.cache_entries import Entry, Removal, megabytes, size_of
from lazymmu.provision.cache_kind import kinds
from lazymmu.provision.cache_lock import holders
from lazymmu.reports.results_folder import KEPT, default_root, kept
from lazymmu.support import disk

_CLEAN = "lazymmu clean"
_ELSEWHERE = "set XDG_CACHE_HOME to use another folder"
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


def cache_folder(state: CacheState) -> Iterator[Check]:
    """Check that the cache can be read, and that it can be written if a run would write to it."""
    root = state.cache.root
    facts = {"path": str(root)}
    unreadable, unwritable = _denial(root, os.R_OK | os.X_OK), _denial(root, os.W_OK)
    if denial := unreadable or (unwritable if state.must_build else None):
        yield Check("cache", State.BROKEN, denial, _ELSEWHERE, blocks=True, facts=facts)
    elif unwritable:
        found = f"{unwritable}; it has everything that a run uses"
        yield Check("cache", State.NOTE, found, _ELSEWHERE, facts=facts)
    else:
        found = str(root) + ("" if root.exists() else ", which the first run creates")
        yield Check("cache", State.OK, found, facts=facts)


def free_space(state: CacheState) -> Iterator[Check]:
    """Check that there is space for what a run would fetch and build."""
    needs = setup.needs(root_there=state.root_present) if state.must_fetch else builds.NEEDS
    free = disk.free(state.cache.root)
    found = f"{megabytes(free)} free, a run needs about {megabytes(needs)}"
    facts = {"free": free, "needed": needs}
    if free < needs:
        yield Check("disk", State.BROKEN, found, f"free some space, or {_ELSEWHERE}", blocks=True, facts=facts)
    else:
        yield Check("disk", State.OK, found, facts=facts)


def _may_be_cleaned(name: str, found: str, excess: object, facts: Mapping[str, object]) -> Check:
    """Return a check that names `lazymmu clean` if there is something to remove."""
    return Check(name, State.NOTE if excess else State.OK, found, _CLEAN if excess else None, facts=facts)


def _removable(name: str, things: Sequence[Entry | Removal], what: str) -> Check:
    paths = [str(one.path) for one in things[:_SHOWN]]
    if len(things) > _SHOWN:
        paths.append(f"{len(things) - _SHOWN} more")
    size = sum(one.size for one in things)
    found = f"{megabytes(size)}, {what}: {', '.join(paths)}" if things else "none"
    return _may_be_cleaned(name, found, things, {"entries": len(things), "bytes": size})


def contents(cache: Cache) -> Iterator[Check]:
    """Check the sizes of what the cache holds against the limits, and for what `lazymmu clean` would remove."""
    stock = CacheContents.read(cache)
    for name, kind in kinds().items():
        if entries := stock.entries[name]:
            size, excess, limit = sum(entry.size for entry in entries), len(kind.limit.over(entries)), kind.limit
            found = f"{len(entries)} entries, {megabytes(size)}: {kind.what}"
            found += f"; limit {limit}" if str(limit) else ""
            found += f"; {excess} over it" if excess else ""
            bounds = {"entries": limit.entries, "bytes": limit.size, "days": limit.days}
            yield _may_be_cleaned(
                f"size {name}", found, excess, {"entries": len(entries), "bytes": size, "limit": bounds}
            )
    yield Check("size of all", State.OK, megabytes(stock.total()), facts={"bytes": stock.total()})
    yield _removable("unneeded", stock.unneeded(), "not mentioned in a recipe or lock file")
    yield _removable("leftovers", stock.leftovers, "in progress or left by a killed process")
    for removal in stock.damaged(thoroughly=True):
        yield Check("damaged", State.BROKEN, f"{removal.path} {removal.why}", _CLEAN)
    if stock.unseen:
        yield Check("unseen", State.NOTE, f"symbolic links, or not readable: {', '.join(map(str, stock.unseen))}")


def guests(cache: Cache) -> Iterator[Check]:
    """Check for running guests whose harness was killed: nobody else will end them."""
    users, running = holders(cache.root), emulators(cache.root)
    # Each harness holds the lock of the cache.
    orphans = [] if users else [one.pid for one in running]
    found = ", ".join(f"{one.program} {one.pid}" for one in running) or "none running"
    if running:
        found += f" (of process {', '.join(map(str, users))})" if users else " (left by a killed process)"
    yield _may_be_cleaned("guests", found, orphans, {"orphans": orphans})


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
    yield _may_be_cleaned("results", found, len(runs) > KEPT, facts)
