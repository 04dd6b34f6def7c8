# SPDX-License-Identifier: GPL-2.0-only
"""The cache: entries are named by their content's key, built aside under a lock, and renamed when they are whole.

An entry that is a file has its SHA-256 beside it (checksum.py): what became of its bytes since then is
seen before it is used.

Everything that is not whole lies in a folder `NAME.TOKEN.partial`, scratch files of tools included; it goes away with
the `with` that made it, and after a SIGKILL with the next run (`sweep`). The empty files in `locks/` stay: the kernel
holds the lock (flock) and drops it with the process, so the file of a dead one is free, and to remove it could give
the same lock to two.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec import Struct, field
from platformdirs import user_cache_path

from lazymmu.provision import checksum
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import ToolError, Tools
from lazymmu.support import disk

_KEY_DIGITS = 16
_HINT = "let XDG_CACHE_HOME name another folder for it"
_PARTIAL = ".partial"
# Where `Cache.building` leaves such folders: beside entries, and beside those in a tool root.
_PARTIALS = (f"*/*{_PARTIAL}", f"roots/*/lazymmu/*{_PARTIAL}", f"roots/*/lazymmu/*/*{_PARTIAL}")
# A tool that outlived its harness may still be writing what we remove; each try takes all that was there.
_REMOVALS = 20


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
    return digest(part for name, path in sorted(_files(folder)) for part in (name, path.read_bytes()))


def _files(folder: str | Path, above: str = "") -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder, each with its name from there; a link that leads nowhere is none."""
    # Each run asks for the files of a dozen folders before a guest starts: a pattern takes several times as long.
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{above}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{name}/")
            elif entry.is_file():
                yield name, Path(entry.path)


def lock_file(root: Path, target: Path) -> Path:
    """Return the file of the lock of an entry of the cache folder `root`; it need not be there."""
    return root / "locks" / f"{digest([str(target.relative_to(root))])}.lock"


def remove(path: Path) -> None:
    """Remove a file or a whole folder, even one in which others still write or remove; nothing there is well."""
    for left in reversed(range(_REMOVALS)):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            if left == 0 or error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise
        else:
            return


def _lacks(target: Path, look: Callable[[Path], str | None] = checksum.mismatch) -> str | None:
    """Return None for a whole entry, "" for one that is not there or has no digest, else what is wrong with it.

    `look` gives what is wrong with a file that has its digest.
    """
    try:
        if target.is_dir():
            return None
        if checksum.recorded(target) is None:
            return ""
        return look(target)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def whole(target: Path, look: Callable[[Path], str | None] = checksum.mismatch) -> bool:
    """Return whether an entry is there, as it was made: `Cache.obtain` would build nothing."""
    return _lacks(target, look) is None


class Cache(Struct, frozen=True):
    """A folder of entries. Any number of processes may use it at the same time."""

    root: Path
    progress: Progress
    #: What builds entries; an interrupt stops them.
    tools: Tools = field(default_factory=Tools)

    def obtain(
        self,
        target: Path,
        what: str,
        build: Callable[[Path], None],
        *,
        needs: int = 0,
        look: Callable[[Path], str | None] = checksum.mismatch,
    ) -> Path:
        """Return `target`, built first if it is not there, or no longer as it was made; a whole one is never written.

        `build` gets the path at which to make the entry, a file or a folder; scratch files may stand beside it.
        Nothing stands at `target` before that is done. A file without a digest, of an earlier version, is built anew.
        `needs` is the space for all this in bytes, `look` how a file is looked at. Raises SetupError when the cache is
        full or cannot be written, or
        `build` was interrupted.
        """
        if _lacks(target, look) is None:
            return target
        with self.locked(target, what):
            # Another process may have made it while we waited.
            lacks = _lacks(target, look)
            if lacks is not None:
                if lacks:
                    self.progress.say(f"{target} {lacks}; the {what} is made anew")
                with self.building(target, what, needs=needs) as folder:
                    made = folder / target.name
                    build(made)
                    # Cut short, it may look whole.
                    self.tools.check(what)
                    if made.is_file():
                        # First: an entry never stands without one.
                        checksum.write(made, checksum.beside(made))
                        checksum.beside(made).rename(checksum.beside(target))
                    made.rename(target)
        return target

    def discard(self, target: Path, what: str) -> None:
        """Remove an entry that is of no use, so that the next `obtain` makes it anew; nobody who reads it is disturbed.

        Raises SetupError as `obtain` does.
        """
        with self.locked(target, what), self._explained(target.parent):
            checksum.beside(target).unlink(missing_ok=True)
            target.unlink(missing_ok=True)

    def record(self, target: Path, what: str) -> None:
        """Keep the digest of an entry that earlier versions made without one. Raises SetupError as `obtain` does."""
        digest_file = checksum.beside(target)
        with self.locked(target, what), self.building(target, what) as folder:
            if not digest_file.exists():
                checksum.write(target, folder / digest_file.name)
                (folder / digest_file.name).rename(digest_file)

    @contextmanager
    def building(self, target: Path, what: str, *, needs: int = 0) -> Iterator[Path]:
        """Hold a folder beside `target` for what is not whole yet, under its lock; nothing of it is left behind.

        `needs` is the space in bytes that it will take. Raises SetupError as `obtain` does.
        """
        with self._explained(target.parent, needs):
            if disk.free(target.parent) < needs:
                raise disk.full(target.parent, hint=_HINT, needs=needs)
            target.parent.mkdir(parents=True, exist_ok=True)
            # A name that nobody had: an orphan of a killed harness may still be writing to its one.
            folder = target.with_name(f"{target.name}.{secrets.token_hex(4)}{_PARTIAL}")
            try:
                folder.mkdir()
                yield folder
            finally:
                remove(folder)

    @contextmanager
    def locked(self, target: Path, what: str) -> Iterator[None]:
        """Hold the lock of an entry; say so when another process has it. Raises SetupError when that cannot be."""
        with self._explained(self.root):
            lock = self._lock(target)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                self.progress.say(f"waiting for another lazymmu that makes the {what}")
                with suppress(Timeout):
                    lock.acquire(cancel_check=self.tools.stopping)
                self.tools.check(what)
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Remove what killed processes left half made; what a live one is making is left to it."""
        for left in [path for pattern in _PARTIALS for path in self.root.glob(pattern)]:
            # Earlier versions gave no token.
            name = left.name.removesuffix(_PARTIAL)
            target = left.with_name(name.rpartition(".")[0] or name)
            # A cache that cannot be written keeps it, and nobody takes it for an entry.
            with suppress(Timeout, OSError):
                lock = self._lock(target)
                lock.acquire(timeout=0)
                try:
                    remove(left)
                finally:
                    lock.release()

    def _lock(self, target: Path) -> FileLock:
        path = lock_file(self.root, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never the fallback: a lock that is the file's existence outlives its process.
        return FileLock(path, thread_local=False, fallback_to_soft=False)

    @contextmanager
    def _explained(self, folder: Path, needs: int = 0) -> Iterator[None]:
        """Turn the errors of a folder of the cache that is full or cannot be written into one that says so."""
        try:
            yield
        except OSError as error:
            explained = disk.refusal(error, folder, hint=_HINT, needs=needs)
            if explained is None:
                raise
            raise explained from error
        except ToolError as error:
            if any(text in error.output for text in disk.FULL_TEXTS):
                raise disk.full(folder, hint=_HINT, needs=needs) from error
            raise
