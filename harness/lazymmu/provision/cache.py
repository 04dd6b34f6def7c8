# SPDX-License-Identifier: GPL-2.0-only
"""The cache. The name of an entry holds the key of its content, so an entry never changes.

An entry is made in a folder `NAME.TOKEN.partial` beside it, under a lock, and renamed when it is complete. The folder
also holds the scratch files of tools. It is removed when the entry is made, and after a SIGKILL by the next run
(`sweep`). A file has its SHA-256 beside it (checksum.py), so damage is noticed before the file is used.

The kernel holds the locks (flock) and releases them when the process ends. The empty files in `locks/` stay: if one
were removed, two processes could hold the same lock.
"""

import errno
import fcntl
import fnmatch
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec import Struct, field

from lazymmu.provision import checksum
from lazymmu.provision.checksum import Look, entry_damage, mismatch
from lazymmu.provision.keys import FOLDER_HINT, digest, lock_file
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import ToolError, Tools
from lazymmu.support import disk

#: Suffix of unfinished things.
PARTIAL = ".partial"
# Where `Cache.building` makes its folders: beside entries, and beside those in a tool root.
_PARTIALS = (f"*/*{PARTIAL}", f"lock/*/*/*{PARTIAL}", f"roots/*/lazymmu/*{PARTIAL}", f"roots/*/lazymmu/*/*{PARTIAL}")
# A tool that outlives its harness may still write. Each attempt removes what is there.
_REMOVALS = 20


def digest_files(folder: Path) -> str:
    """Return a key for the names and contents of all files below a folder."""
    # Each run reads a dozen folders before a guest starts; paths as objects take several times as long.
    top = f"{folder}/"
    paths = sorted(f"{above}/{name}" for above, _, names in os.walk(folder) for name in names)
    files = (path for path in paths if os.path.isfile(path))  # noqa: PTH113
    return digest(part for path in files for part in (path.removeprefix(top), Path(path).read_bytes()))


def remove(path: Path) -> None:
    """Remove a file or a folder, even if another process writes there at the same time. A missing path is fine."""
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


def matches(root: Path, pattern: str, unseen: set[Path]) -> Iterator[Path]:
    """Yield what a pattern matches below a folder, sorted. Links and folders that cannot be read go to `unseen`."""
    first, _, rest = pattern.partition("/")
    if root.is_symlink():
        unseen.add(root)
        return
    try:
        names = os.listdir(root)  # noqa: PTH208  (names are wanted, and an error for a file)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        unseen.add(root)
        return
    # Each run looks at every package in the cache: one call for all names takes a tenth of one for each.
    for name in sorted(fnmatch.filter(names, first)):
        yield from matches(root / name, rest, unseen) if rest else [root / name]


def unfinished(root: Path, unseen: set[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield the folders in which entries are or were made, each with the entry. For `unseen` see `matches`."""
    for pattern in _PARTIALS:
        for path in matches(root, pattern, unseen):
            yield path, path.with_name(path.name.removesuffix(PARTIAL).rpartition(".")[0] or path.name)


def whole(target: Path, look: Look = mismatch) -> bool:
    """Return whether an entry exists and is undamaged, so that `Cache.obtain` would not make it."""
    return target.exists() and entry_damage(target, look) is None


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


class Cache(Struct, frozen=True):
    """A folder of entries. Any number of processes may use it at the same time."""

    root: Path
    progress: Progress
    #: What makes entries. An interrupt stops it.
    tools: Tools = field(default_factory=Tools)

    def obtain(
        self, target: Path, what: str, build: Callable[[Path], None], *, needs: int = 0, look: Look = mismatch
    ) -> Path:
        """Return `target`, made first if it does not exist or is damaged. An undamaged entry is never written.

        `build` gets the path at which to make the entry; scratch files may be beside it. `needs` is the space for all
        this in bytes. Raises SetupError for a cache that is full or cannot be written, and after an interrupt.
        """
        if whole(target, look):
            return target
        with self.locked(target, what):
            # Another process may have made it meanwhile.
            if not whole(target, look):
                if target.exists():
                    self.progress.say(f"{target} {entry_damage(target, look)}; the {what} is made again")
                with self.building(target, what, needs=needs) as folder:
                    made = folder / target.name
                    build(made)
                    # An interrupted build may look complete.
                    self.tools.check(what)
                    if made.is_file():
                        # First, so that no entry exists without it.
                        checksum.write(made, checksum.beside(made))
                        checksum.beside(made).rename(checksum.beside(target))
                    made.rename(target)
        return target

    def discard(self, target: Path, what: str) -> None:
        """Remove an entry. Processes that have it open keep it. Raises SetupError as `obtain` does."""
        with self.locked(target, what), self._explained(target.parent):
            checksum.beside(target).unlink(missing_ok=True)
            target.unlink(missing_ok=True)

    @contextmanager
    def building(self, target: Path, what: str, *, needs: int = 0) -> Iterator[Path]:
        """Make a folder beside `target` for a `with`. The caller has the lock. Raises SetupError as `obtain` does."""
        with self._explained(target.parent, needs):
            if disk.free(target.parent) < needs:
                raise disk.full(target.parent, hint=FOLDER_HINT, needs=needs)
            target.parent.mkdir(parents=True, exist_ok=True)
            # A new name: an orphan of a killed harness may still write to its own.
            folder = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL}")
            try:
                folder.mkdir()
                yield folder
            finally:
                remove(folder)

    @contextmanager
    def locked(self, target: Path, what: str) -> Iterator[None]:
        """Hold the lock of an entry. Print a line if another process has it. Raises SetupError as `obtain` does."""
        with self._explained(self.root):
            lock = self._lock(target)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                self.progress.say(f"waiting for another lazymmu that makes the {what}")
                with suppress(Timeout):
                    lock.acquire(cancel_check=self.tools.stopped.is_set)
                self.tools.check(what)
        try:
            yield
        finally:
            lock.release()

    def shared(self, *, make: bool = True) -> AbstractContextManager[object]:
        """Use the whole cache: no other process removes a complete entry meanwhile. `make` creates a missing folder.

        A cache that cannot be opened is not locked: the command gives a better error when it needs an entry.
        """
        with suppress(OSError):
            if make:
                self.root.mkdir(parents=True, exist_ok=True)
        return self._whole(fcntl.LOCK_SH)

    def alone(self) -> AbstractContextManager[bool]:
        """Try to have the whole cache to oneself, without waiting; the `with` gets whether that worked."""
        return self._whole(fcntl.LOCK_EX)

    @contextmanager
    def _whole(self, kind: int) -> Iterator[bool]:
        """Lock the folder itself, so that a read-only cache works. Yield whether that worked. Only sharing waits."""
        with ExitStack() as stack:
            taken = False
            # It fails on a file system without such locks, too, where nobody can tell.
            with suppress(OSError):
                folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, folder)
                try:
                    fcntl.flock(folder, kind | fcntl.LOCK_NB)
                except BlockingIOError:
                    if kind == fcntl.LOCK_EX:
                        raise
                    self.progress.say("waiting for lazymmu clean")
                    fcntl.flock(folder, kind)
                taken = True
            yield taken

    def sweep(self) -> None:
        """Remove what killed processes left unfinished, but nothing that a live process makes."""
        # The cache folder may be a symbolic link; none below it is followed.
        root = self.root.resolve()
        for path, target in unfinished(root, set()):
            # It stays in a cache that cannot be written, where it does no harm.
            with suppress(Timeout, OSError), self._lock(self.root / target.relative_to(root)).acquire(timeout=0):
                remove(path)

    def _lock(self, target: Path) -> FileLock:
        # Not the fallback, a lock that is the existence of its file: it would outlive its process.
        return FileLock(lock_file(self.root, target), thread_local=False, fallback_to_soft=False)

    @contextmanager
    def _explained(self, folder: Path, needs: int = 0) -> Iterator[None]:
        """Turn the errors of a folder that is full or cannot be written into a SetupError that says so."""
        try:
            with disk.explained(folder, hint=FOLDER_HINT, needs=needs):
                yield
        except ToolError as error:
            if any(text in error.output for text in disk.FULL_TEXTS):
                raise disk.full(folder, hint=FOLDER_HINT, needs=needs) from error
            raise
