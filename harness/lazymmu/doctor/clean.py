# SPDX-License-Identifier: GPL-2.0-only
"""The command `clean`: removes what killed processes left, what nothing needs, and what is over its limit."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec.structs import replace

from lazymmu.provision.cache import Cache, holders, remove
from lazymmu.provision.cache_contents import CacheContents, Removal, everything_in, megabytes, remove_entry, size_of
from lazymmu.reports.results_folder import KEPT, LOCK, default_root, folder_lock, kept
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.support.errors import SetupError


def clean(arguments: Namespace) -> int:
    """Remove what may go from the cache and the results. Return 3 if something could not be removed."""
    given = requests.cache()
    # Symbolic links above the cache are the user's own.
    cache = Cache(given.root.resolve(), given.progress)
    terminal = Terminal(sys.stdout)
    flags = {"everything": arguments.all, "dry_run": arguments.dry_run}
    removed = chain(_clean_cache(cache, terminal, **flags), _clean_results(default_root(), **flags))
    return _print(terminal, removed, dry_run=arguments.dry_run)


def _clean_cache(cache: Cache, terminal: Terminal, *, everything: bool, dry_run: bool) -> Iterator[Removal]:
    """Remove what may go from the cache, yielding each thing."""
    if not cache.root.is_dir():
        return
    with cache.alone() as unlocked:
        if everything and not unlocked:
            message = f"{cache.root} is used by {_users(cache.root)}: nothing was removed"
            raise SetupError(message, hint="try again when it has ended")
        stock = CacheContents.read(cache)
        for path in [] if everything else stock.unseen:
            terminal.line(f"kept {path}: a symbolic link, or not readable")
        if not unlocked:
            terminal.line(f"{_users(cache.root)} uses the cache: everything is kept until it ends")
            return
        for removal in everything_in(cache.root) if everything else stock.removable():
            yield _carried_out(removal, remove_entry, dry_run=dry_run)


def _users(root: Path) -> str:
    """Return which processes use the cache, if that is known."""
    return f"process {', '.join(map(str, pids))}" if (pids := holders(root)) else "another process"


def _clean_results(folder: Path, *, everything: bool, dry_run: bool) -> Iterator[Removal]:
    """Remove the runs over the limit, or all, yielding each. A run in progress is kept."""
    runs = kept(folder)
    for path in runs if everything else runs[KEPT:]:
        removal = Removal(path, size_of(path), "--all" if everything else f"{KEPT} are kept")
        # A run has made the file of its lock.
        lock = folder_lock(path) if (path / LOCK).exists() else None
        yield _carried_out(removal, remove, dry_run=dry_run, lock=lock)


def _carried_out(
    removal: Removal, remove: Callable[[Path], None], *, dry_run: bool, lock: FileLock | None = None
) -> Removal:
    """Remove something unless another process holds its lock. Return the removal with its outcome."""
    try:
        with lock.acquire(timeout=0) if lock else nullcontext():
            if not dry_run:
                remove(removal.path)
    except Timeout:
        return replace(removal, kept="its run is in progress")
    except OSError as error:
        return replace(removal, kept=str(error), failed=True)
    return removal


def _print(terminal: Terminal, removed: Iterable[Removal], *, dry_run: bool) -> int:
    """Print each removal as it happens. Return the exit status."""
    count = size = status = 0
    done = "would remove" if dry_run else "removed"
    for one in removed:
        what = f"{one.path} ({megabytes(one.size)}, {one.why})"
        if one.kept:
            terminal.line(f"kept {what}: {one.kept}", "bold red" if one.failed else "yellow")
            status = SetupError.exit_status if one.failed else status
        else:
            terminal.line(f"{done} {what}")
            count, size = count + 1, size + one.size
    terminal.line(
        f"{done} {count} {'thing' if count == 1 else 'things'}, {megabytes(size)}" if count else "nothing to remove"
    )
    return status
