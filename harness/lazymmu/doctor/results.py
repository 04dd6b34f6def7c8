# SPDX-License-Identifier: GPL-2.0-only
"""The folder in which runs leave their results: how many there are, and which are beyond the limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.check import Check, State
from lazymmu.doctor.storage import refusal
from lazymmu.provision.cache import remove
from lazymmu.provision.cache_lock import entries_locked
from lazymmu.provision.inventory import Entry, Limit, Removal, beyond, megabytes, size_of
from lazymmu.provision.pruning import Removed
from lazymmu.reports.results_folder import KEPT, LOCK, default_root, kept

#: The last runs are kept.
LIMIT = Limit(entries=KEPT)
_CLEAN = "lazymmu clean"


def runs(folder: Path) -> list[Entry]:
    """Return the runs in a results folder, the last first; OSError when it cannot be read."""
    return [Entry(path, size_of(path), path.stat().st_mtime) for path in kept(folder)]


def clear(folder: Path, *, everything: bool, dry_run: bool) -> Iterator[Removed]:
    """Remove the runs beyond the limit, or all, yielding each; one that is under way is kept."""
    entries = runs(folder)
    going = [Removal(one.path, one.size, "--all") for one in entries] if everything else beyond(entries, LIMIT)
    for removal in going:
        try:
            with entries_locked(folder, (), files=(removal.path / LOCK,), make=False) as free:
                if free and not dry_run:
                    remove(removal.path)
        except OSError as error:
            yield Removed(removal, str(error), failed=True)
        else:
            yield Removed(removal, "" if free else "its run is under way")


def results() -> Iterator[Check]:
    """Yield what the results in their default folder take, and their limit."""
    folder = default_root()
    why = refusal(folder, os.W_OK)
    if why:
        elsewhere = "XDG_STATE_HOME names another folder for it, lazymmu run --out DIR one for a run"
        yield Check("results", State.BROKEN, why, elsewhere, blocks=True, facts={"path": str(folder)})
        return
    entries = runs(folder)
    size = sum(entry.size for entry in entries)
    over = beyond(entries, LIMIT)
    found = f"{folder}: {len(entries)} runs of {megabytes(size)}; limit {KEPT} runs"
    facts = {"path": str(folder), "entries": len(entries), "bytes": size, "limit": {"entries": KEPT}}
    yield Check("results", State.NOTE if over else State.OK, found, _CLEAN if over else "", facts=facts)
