# SPDX-License-Identifier: GPL-2.0-only
"""Who uses the cache: commands that need its entries share a lock, and whoever removes entries takes it alone.

The lock is one on the cache folder itself (flock), so that nothing needs to be written and a read-only cache works. The
system drops it with the process that holds it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lazymmu.provision.cache import lock_file


def _opened(root: Path) -> int | None:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None


@contextmanager
def shared(root: Path, waiting: Callable[[], object], *, make: bool = True) -> Iterator[None]:
    """Use the cache for the length of a `with`: nobody removes a whole entry meanwhile.

    `waiting` is called once if somebody is removing entries now. The folder is made if it is not there, but for one
    who only looks (`make`). A cache that cannot be made or opened is not locked: what the command needs of it will
    tell better what is wrong.
    """
    if make:
        with suppress(OSError):
            root.mkdir(parents=True, exist_ok=True)
    folder = _opened(root)
    if folder is None:
        yield
        return
    try:
        with suppress(OSError):
            try:
                fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(folder, fcntl.LOCK_SH)
        yield
    finally:
        os.close(folder)


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Have the cache to oneself for the length of a `with`, without waiting; yield whether that worked."""
    folder = _opened(root)
    if folder is None:
        yield False
        return
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Taken, or a file system without such locks: then nobody can tell.
            yield False
        else:
            yield True
    finally:
        os.close(folder)


def holders(root: Path) -> list[int]:
    """Return the ids of other processes that have the cache folder open, as far as this user may see them."""
    found = set()
    real = str(root.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        # It may end, or close a file, between any two of these.
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                with suppress(FileNotFoundError):
                    if str(link.readlink()) == real:
                        found.add(int(process.name))
    return sorted(found - {os.getpid()})


@contextmanager
def entries_locked(
    root: Path, targets: Sequence[Path], *, files: Sequence[Path] = (), make: bool = True
) -> Iterator[bool]:
    """Hold the locks of these entries (those of `Cache.locked`), and these lock files, without waiting.

    Yields whether all could be had. Without `make`, a lock whose file is not there is taken for free.
    """
    with ExitStack() as stack:
        try:
            for path in (*(lock_file(root, target) for target in targets), *files):
                if not make and not path.exists():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(path, timeout=0, thread_local=False, fallback_to_soft=False))
        except Timeout:
            yield False
            return
        yield True
