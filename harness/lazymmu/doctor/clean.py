# SPDX-License-Identifier: GPL-2.0-only
"""The command `clean`: removes what killed processes left, what is not needed, and what is beyond its limit."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lazymmu.doctor import results
from lazymmu.doctor.processes import Emulator, emulators, end
from lazymmu.provision import pruning
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_lock import alone, holders
from lazymmu.provision.inventory import megabytes
from lazymmu.provision.pruning import Removed
from lazymmu.reports.results_folder import default_root
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.support.errors import SetupError


def _who(root: Path, running: Sequence[Emulator]) -> str:
    """Return who uses the cache, as far as that can be told."""
    pids = sorted({*holders(root), *(one.owner for one in running if one.owner is not None)})
    return f"process {', '.join(map(str, pids))}" if pids else "another process"


def _end_orphans(terminal: Terminal, running: Sequence[Emulator], *, unlocked: bool, dry_run: bool) -> bool:
    """End guests whose harness was killed, unless somebody holds the cache; return whether all are gone."""
    gone = True
    for one in running:
        if one.owner is not None:
            continue
        if not unlocked:
            gone = False
            terminal.line(
                f"kept {one.program}, process {one.pid}: somebody uses the cache, and it may be theirs", "yellow"
            )
        elif dry_run:
            terminal.line(f"would end {one.program}, process {one.pid} (its harness was killed)")
        elif end(one):
            terminal.line(f"ended {one.program}, process {one.pid} (its harness was killed)")
        else:
            gone = False
            terminal.line(f"could not end {one.program}, process {one.pid}", "bold red")
    return gone


def _refuse_when_used(cache: Cache, running: Sequence[Emulator], *, idle: bool) -> None:
    """Raise SetupError when somebody uses the cache."""
    locks = pruning.held_locks(cache.root)
    if idle and not locks:
        return
    what = _who(cache.root, running) + (f" (lock {locks[0]})" if locks else "")
    raise SetupError(f"{cache.root} is used by {what}: nothing was removed", hint="try again when it has ended")


def _cache(cache: Cache, terminal: Terminal, *, everything: bool, dry_run: bool) -> Iterator[Removed]:
    """Remove from the cache what may go, yielding each thing."""
    running = emulators(cache.root)
    with alone(cache.root) as unlocked:
        idle = unlocked and all(one.owner is None for one in running)
        if everything:
            _refuse_when_used(cache, running, idle=idle)
        ended = _end_orphans(terminal, running, unlocked=unlocked, dry_run=dry_run)
        idle = idle and ended
        if everything:
            if not ended:
                raise SetupError(f"{cache.root} is used by a QEMU that could not be ended: nothing was removed")
            yield from pruning.carry_out(pruning.everything(cache.root), dry_run=dry_run)
            return
        stock = pruning.inventory(cache)
        yield from pruning.clear(cache.root, stock.leftovers, idle=idle, dry_run=dry_run)
        for path in stock.unseen:
            terminal.line(f"kept {path}: a symbolic link, or not readable; what is behind it is left alone")
        if idle:
            yield from pruning.carry_out(pruning.unused(cache, stock), dry_run=dry_run)
        else:
            terminal.line(f"{_who(cache.root, running)} uses the cache: whole entries are kept until it ends")


def _tell(terminal: Terminal, removed: Iterable[Removed], *, dry_run: bool) -> int:
    """Print what became of each thing as it happens; return the exit status."""
    count = size = status = 0
    done = "would remove" if dry_run else "removed"
    for one in removed:
        what = f"{one.removal.path} ({megabytes(one.removal.size)}, {one.removal.why})"
        if one.kept:
            terminal.line(f"kept {what}: {one.kept}", "bold red" if one.failed else "yellow")
            status = SetupError.exit_status if one.failed else status
        else:
            terminal.line(f"{done} {what}")
            count, size = count + 1, size + one.removal.size
    terminal.line(f"{done} {count} things, {megabytes(size)}" if count else "nothing to remove")
    return status


def clean(arguments: Namespace) -> int:
    """Remove what may go from the cache and the results; 3 when something could not be removed."""
    store = requests.cache()
    # Links above the cache are the user's own.
    cache = Cache(store.root.resolve(), store.progress)
    terminal = Terminal(sys.stdout)
    everything, dry_run = arguments.all, arguments.dry_run

    def removed() -> Iterator[Removed]:
        if cache.root.is_dir():
            yield from _cache(cache, terminal, everything=everything, dry_run=dry_run)
        yield from results.clear(default_root(), everything=everything, dry_run=dry_run)

    return _tell(terminal, removed(), dry_run=dry_run)
