# SPDX-License-Identifier: GPL-2.0-only
"""The folders: whether the cache can be used, what it and the results take, and what killed processes left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lazymmu.doctor.cache_state import Question, Situation
from lazymmu.doctor.check import Check, State
from lazymmu.doctor.processes import emulators
from lazymmu.provision import builds, pruning, setup
from lazymmu.provision.integrity import damage
from lazymmu.provision.inventory import KINDS, Inventory, beyond, megabytes
from lazymmu.support import disk

_CLEAN = "lazymmu clean"
_ELSEWHERE = "XDG_CACHE_HOME names another folder for it"
_SHOWN = 5


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest one above it that is there."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def refusal(path: Path, need: int) -> str | None:
    """Return why a folder (or the one in which it would be made) cannot be used so, None when it can."""
    there = _nearest(path)
    if not there.is_dir():
        return f"{there} is not a folder"
    if not os.access(there, need):
        return f"{there} may not be {'written' if need == os.W_OK else 'read'} by this user"
    return None


def cache_folder(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield whether the cache folder can be read, and written if a run would write to it."""
    root = question.cache.root
    facts = {"path": str(root)}
    for need in (os.R_OK | os.X_OK, os.W_OK):
        why = refusal(root, need)
        if why is None:
            continue
        writing = need == os.W_OK
        blocks = not writing or situation.must_build(question)
        rest = "" if blocks else "; it has all that a run uses now"
        yield Check("cache", State.BROKEN if blocks else State.NOTE, f"{why}{rest}", _ELSEWHERE, blocks, facts)
        return
    yield Check("cache", State.OK, str(root) + ("" if root.exists() else ", made by the first run"), facts=facts)


def free_space(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield whether there is space for what a run would make."""
    fetch = situation.must_fetch(question)
    needs = setup.needs(root_there=situation.root_there) if fetch else builds.NEEDS
    free = disk.free(question.cache.root)
    found = f"{megabytes(free)} free, a run needs about {megabytes(needs)}"
    facts = {"free": free, "needed": needs}
    if free >= needs:
        yield Check("disk", State.OK, found, facts=facts)
    else:
        yield Check("disk", State.BROKEN, found, f"free space there, or {_ELSEWHERE}", blocks=True, facts=facts)


def sizes(stock: Inventory) -> Iterator[Check]:
    """Yield what the cache takes, kind by kind, and what is beyond a limit."""
    for kind in KINDS:
        entries = stock.entries[kind.name]
        if not entries:
            continue
        over = beyond(entries, kind.limit)
        limit = str(kind.limit)
        found = f"{len(entries)} of {megabytes(stock.size(kind.name))}, {kind.what}"
        yield Check(
            f"size {kind.name}",
            State.NOTE if over else State.OK,
            found + (f"; limit {limit}" if limit else "") + (f"; {len(over)} beyond it" if over else ""),
            _CLEAN if over else "",
            facts={
                "entries": len(entries),
                "bytes": stock.size(kind.name),
                "limit": {"entries": kind.limit.entries, "bytes": kind.limit.size, "days": kind.limit.days},
            },
        )
    yield Check("size of all", State.OK, megabytes(stock.total()), facts={"bytes": stock.total()})


def _some(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:_SHOWN])
    return names if len(paths) <= _SHOWN else f"{names} and {len(paths) - _SHOWN} more"


def leftovers(stock: Inventory, situations: Sequence[Situation]) -> Iterator[Check]:
    """Yield what is half made, damaged, no longer referred to, or behind a link."""
    if stock.leftovers:
        size = sum(left.size for left in stock.leftovers)
        names = _some([left.path for left in stock.leftovers])
        found = f"{megabytes(size)} being made now, or left by a killed process: {names}"
        yield Check("leftovers", State.NOTE, found, _CLEAN, facts={"entries": len(stock.leftovers), "bytes": size})
    else:
        yield Check("leftovers", State.OK, "none", facts={"entries": 0, "bytes": 0})
    # Those of the present kernel and source have checks of their own.
    present = {
        path
        for situation in situations
        for path in (
            *(kernel.image for kernel in situation.installed.values()),
            *situation.archives.values(),
            *situation.modules.values(),
        )
    }
    looked_at = [
        (kind, entry.path) for kind, entries in stock.entries.items() for entry in entries if entry.path not in present
    ]
    # Snapshots are gigabytes, and to read them is all that takes time.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (_, path), wrong in zip(looked_at, pool.map(lambda one: damage(*one), looked_at), strict=True):
            if wrong:
                yield Check("damaged", State.BROKEN, f"{path} {wrong}", _CLEAN)
    if stock.unseen:
        found = f"not looked into (symbolic links, or not readable): {_some(list(stock.unseen))}"
        yield Check("unseen", State.NOTE, found)


def unneeded(question: Question, stock: Inventory) -> Iterator[Check]:
    """Yield tool roots and kernels that nothing refers to."""
    found = list(pruning.unneeded(question.cache, stock))
    if found:
        size = sum(removal.size for removal in found)
        text = f"{megabytes(size)} that no recipe or lock file refers to: {_some([removal.path for removal in found])}"
        yield Check("unneeded", State.NOTE, text, _CLEAN, facts={"entries": len(found), "bytes": size})


def guests(question: Question) -> Iterator[Check]:
    """Yield the guests that run now: those of a live harness, and those that nobody will ever end."""
    running = emulators(question.cache.root)
    orphans = [emulator for emulator in running if emulator.owner is None]
    owned = [f"{one.program} {one.pid} (of process {one.owner})" for one in running if one.owner is not None]
    if orphans:
        found = f"left by a killed process: {', '.join(f'{one.program} {one.pid}' for one in orphans)}"
        yield Check("guests", State.NOTE, found, _CLEAN, facts={"orphans": [one.pid for one in orphans]})
    else:
        yield Check("guests", State.OK, ", ".join(owned) or "none runs now", facts={"orphans": []})
