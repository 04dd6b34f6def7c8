# SPDX-License-Identifier: GPL-2.0-only
"""The cache: entries are named by their content's key, built aside under a lock, and renamed when they are whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from harness.images.progress import Progress

_KEY_DIGITS = 16


def default_root() -> Path:
    """Return the folder of this user's cache (XDG_CACHE_HOME is heeded)."""
    return user_cache_path("lazymmu")


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a key for these parts, in order; no two different sequences share one."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(b"%d:" % len(data))
        state.update(data)
    return state.hexdigest()[:_KEY_DIGITS]


def digest_files(folder: Path) -> str:
    """Return a key for the names and contents of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(part for path in files for part in (str(path.relative_to(folder)), path.read_bytes()))


def remove(path: Path) -> None:
    """Remove a file or a whole folder; nothing there is well."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of entries. Any number of processes may use it at the same time."""

    root: Path
    progress: Progress

    def obtain(self, target: Path, what: str, build: Callable[[Path], None]) -> Path:
        """Return `target`, built first if it is not there.

        `build` gets the path at which to make the entry, a file or a folder. Nothing stands at `target` before
        that is done; what a killed process left half built is removed by the next one.
        """
        if target.exists():
            return target
        with self.locked(target, what):
            if target.exists():
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            # A name of our own: what a killed process started may still be writing to its one.
            for left in target.parent.glob(f"{target.name}.*.partial"):
                remove(left)
            partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
            try:
                build(partial)
                partial.rename(target)
            finally:
                remove(partial)
        return target

    @contextmanager
    def locked(self, target: Path, what: str) -> Iterator[None]:
        """Hold the lock of an entry; say so when another process has it."""
        name = digest([str(target.relative_to(self.root))])
        path = self.root / "locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.progress.say(f"waiting for another lazymmu that makes the {what}")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
