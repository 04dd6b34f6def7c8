# SPDX-License-Identifier: GPL-2.0-only
"""The lock of the whole cache. Commands that need its entries share it; `clean` takes it alone.

It is a lock on the cache folder itself (flock), so nothing is written, and a read-only cache works. The kernel releases
it when the process ends.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def _opened(root: Path) -> Iterator[int | None]:
    """Open a folder; None if that fails."""
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def shared(root: Path, waiting: Callable[[], object], *, make: bool = True) -> Iterator[None]:
    """Use the cache: no other process removes a complete entry meanwhile.

    `waiting` is called once if another process removes entries now. `make` creates a missing folder. A cache that
    cannot be created or opened is not locked: the command itself gives a better error when it needs an entry.
    """
    if make:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
    with _opened(root) as folder:
        if folder is not None:
            with suppress(OSError):
                try:
                    fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    waiting()
                    fcntl.flock(folder, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Try to have the cache to oneself, without waiting, and yield whether that worked."""
    with _opened(root) as folder:
        # It fails if the lock is taken, and on a file system without such locks, where nobody can tell.
        taken = False
        if folder is not None:
            with suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken = True
        yield taken


def holders(root: Path) -> list[int]:
    """Return the ids of other processes that have the cache folder open, as far as this user may see them."""
    found = set()
    real = str(root.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        # It may end, or close a file, at any time.
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                with suppress(FileNotFoundError):
                    if str(link.readlink()) == real:
                        found.add(int(process.name))
    return sorted(found - {os.getpid()})
