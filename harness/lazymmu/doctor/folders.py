# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the folders for the cache and the results: access, space, sizes, leftovers, and guests that use them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.doctor.processes import emulators
from lazymmu.provision import builds, setup
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents
from lazymmu.provision.cache_entries import Entry, Limit, megabytes, over, size_of
from lazymmu.provision.cache_kind import kinds
from lazymmu.reports.results_folder import KEPT, default_root, kept
from lazymmu.support import disk

#: `lazymmu clean` keeps the latest runs.
RUNS_LIMIT = Limit(entries=KEPT)
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
    if unreadable or (unwritable and state.must_build):
        yield Check("cache", State.BROKEN, unreadable or unwritable or "", _ELSEWHERE, blocks=True, facts=facts)
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
    if free >= needs:
        yield Check("disk", State.OK, found, facts=facts)
    else:
        yield Check("disk", State.BROKEN, found, f"free some space, or {_ELSEWHERE}", blocks=True, facts=facts)


def sizes(stock: CacheContents) -> Iterator[Check]:
    """Check the size of each kind of entry in the cache against its limit."""
    for name, kind in kinds().items():
        if entries := stock.entries[name]:
            size, excess, limit = stock.size(name), len(over(entries, kind.limit)), kind.limit
            found = f"{len(entries)} entries, {megabytes(size)}: {kind.what}"
            found += f"; limit {limit}" if str(limit) else ""
            found += f"; {excess} over it" if excess else ""
            bounds = {"entries": limit.entries, "bytes": limit.size, "days": limit.days}
            facts = {"entries": len(entries), "bytes": size, "limit": bounds}
            yield _may_be_cleaned(f"size {name}", found, excess=bool(excess), facts=facts)
    yield Check("size of all", State.OK, megabytes(stock.total()), facts={"bytes": stock.total()})


def _may_be_cleaned(name: str, found: str, *, excess: bool = True, facts: dict[str, object]) -> Check:
    return Check(name, State.NOTE if excess else State.OK, found, _CLEAN if excess else "", facts=facts)


def _some(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:_SHOWN])
    return names if len(paths) <= _SHOWN else f"{names} and {len(paths) - _SHOWN} more"


def leftovers(stock: CacheContents) -> Iterator[Check]:
    """Check for entries that are unfinished, damaged or not readable."""
    size = sum(left.size for left in stock.leftovers)
    names = _some([left.path for left in stock.leftovers])
    found = f"{megabytes(size)}, in progress or left by a killed process: {names}" if names else "none"
    yield _may_be_cleaned(
        "leftovers", found, excess=bool(names), facts={"entries": len(stock.leftovers), "bytes": size}
    )
    for removal in stock.damaged(thoroughly=True):
        yield Check("damaged", State.BROKEN, f"{removal.path} {removal.why}", _CLEAN)
    if stock.unseen:
        yield Check("unseen", State.NOTE, f"symbolic links, or not readable: {_some(list(stock.unseen))}")


def unneeded(stock: CacheContents) -> Iterator[Check]:
    """Check for tool roots and kernels that no recipe or lock file mentions."""
    if removals := stock.unneeded():
        size = sum(removal.size for removal in removals)
        names = _some([removal.path for removal in removals])
        found = f"{megabytes(size)} that no recipe or lock file mentions: {names}"
        yield _may_be_cleaned("unneeded", found, facts={"entries": len(removals), "bytes": size})


def guests(cache: Cache) -> Iterator[Check]:
    """Check for running guests whose harness was killed: nobody else will end them."""
    running = emulators(cache.root)
    orphans = [emulator for emulator in running if emulator.owner is None]
    if orphans:
        found = f"left by a killed process: {', '.join(f'{one.program} {one.pid}' for one in orphans)}"
    else:
        found = ", ".join(f"{one.program} {one.pid} (of process {one.owner})" for one in running) or "none running"
    yield _may_be_cleaned("guests", found, excess=bool(orphans), facts={"orphans": [one.pid for one in orphans]})


def runs(folder: Path) -> list[Entry]:
    """Return the runs in a results folder, the latest first. Raises OSError if it is not readable."""
    return [Entry(path, size_of(path), path.stat().st_mtime) for path in kept(folder)]


def results() -> Iterator[Check]:
    """Check the default folder for results, and the number of runs in it."""
    folder = default_root()
    if denial := _denial(folder, os.W_OK):
        advice = "set XDG_STATE_HOME, or use lazymmu run --out DIR"
        yield Check("results", State.BROKEN, denial, advice, blocks=True, facts={"path": str(folder)})
        return
    entries = runs(folder)
    size = sum(entry.size for entry in entries)
    facts = {"path": str(folder), "entries": len(entries), "bytes": size, "limit": {"entries": KEPT}}
    found = f"{folder}: {len(entries)} runs, {megabytes(size)}; limit {KEPT} runs"
    yield _may_be_cleaned("results", found, excess=bool(over(entries, RUNS_LIMIT)), facts=facts)
