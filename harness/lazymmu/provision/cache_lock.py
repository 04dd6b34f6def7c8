# SPDX-License-Identifier: GPL-2.0-only
"""The lock of the whole cache. Commands that need its entries share it; `clean` takes it alone.

It is a lock on the cache folder itself (flock), so nothing is written, and a read-only cache works. The kernel releases
it when the process ends.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def shared(root: Path, waiting: Callable[[], object], *, make: bool = True) -> Iterator[None]:
    """Use the cache: no other process removes a complete entry meanwhile.

    `waiting` is called once if another process removes entries now. `make` creates a missing folder. A cache that
    cannot be created or opened is not locked: the command itself gives a better error when it needs an entry.
    """
    if make:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
    with _locked(root, fcntl.LOCK_SH, waiting):
        yield


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Try to have the cache to oneself, without waiting, and yield whether that worked."""
    with _locked(root, fcntl.LOCK_EX) as taken:
        yield taken


@contextmanager
def _locked(root: Path, kind: int, waiting: Callable[[], object] | None = None) -> Iterator[bool]:
    """Lock a folder, and yield whether that worked; without `waiting`, only a lock that is free."""
    with ExitStack() as stack:
        taken = False
        # It fails on a file system without such locks, too, where nobody can tell.
        with suppress(OSError):
            folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, folder)
            try:
                fcntl.flock(folder, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting is None:
                    raise
                waiting()
                fcntl.flock(folder, kind)
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
