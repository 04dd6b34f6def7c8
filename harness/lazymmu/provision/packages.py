# SPDX-License-Identifier: GPL-2.0-only
"""The unpacked packages of the cache, each in a folder that is named for the package's SHA-256.

Several processes may fetch at the same time: each package is fetched by the one that has its lock. The beginning
of an interrupted download stays in `downloads/`, and the next attempt fetches the rest.

Only the standard library is used here (see lock.py).
"""

import fcntl
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from lazymmu.provision import mirrors
from lazymmu.provision.kernel_modules import MODULES_OF
from lazymmu.provision.keys import FOLDER_HINT, digest, lock_file
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.progress import Progress
from lazymmu.support import disk
from lazymmu.support.errors import SetupError

if TYPE_CHECKING:
    # Most runs fetch nothing, and http and tarfile take a while to load.
    from lazymmu.provision.download import Client

# Raise it when other files of a package are unpacked (deb.py).
_VERSION = "4"
#: Bytes on disk for each byte of packages: the package, and what is unpacked from it.
UNPACKED = 4
#: How many files are fetched at the same time. More connections than that some name servers and mirrors refuse.
CONNECTIONS = 8
_UNPACKERS = min(4, max(2, len(os.sched_getaffinity(0))))
# Seconds between two looks at a lock that another process has.
_LOOK = 0.1


def folder(root: Path, package: Package) -> Path:
    """Return the folder of an unpacked package, which exists if the package is there."""
    kind = "modules" if package.name.startswith(MODULES_OF) else ""
    return root / "packages" / digest([_VERSION, package.sha256, kind])


def with_modules(package: Package) -> Package:
    """Return a kernel's package as one of which the driver of a network card is unpacked, in place of the image."""
    return package._replace(name=f"{MODULES_OF}{package.name}")


def missing(root: Path, packages: Iterable[Package]) -> list[Package]:
    """Return the packages that are not there, each once."""
    return [package for package in dict.fromkeys(packages) if not folder(root, package).is_dir()]


class Fetching:
    """Fetches packages and unpacks them, in their order; `wait` waits for some of them."""

    def __init__(self, root: Path, wanted: Iterable[Part], what: str, progress: Progress, stop: Event) -> None:
        """Start to fetch what the cache in `root` lacks of these parts, until `stop`. Raises SetupError.

        The threads may die with the process at any moment: nothing half-written has a final name.
        """
        days = {package: part.resolved for part in wanted for package in missing(root, part.packages)}
        known = mirrors.mirrors() if days else []
        #: Package -> its addresses.
        self.packages = {
            package: [f"{base}/{package.path}" for base in (*known, *mirrors.snapshot(day))]
            for package, day in days.items()
        }
        self.size = sum(package.size for package in days)
        self.began = time.monotonic()
        #: Bytes that arrived.
        self.arrived = 0
        self._root = root
        self._stop = stop
        self._show = progress.transfer(what)
        self._waiting = deque(days)
        self._lock = Lock()
        self._done = {package: Event() for package in days}
        self._failures: dict[Package, SetupError | OSError] = {}
        self._downloaded: Queue[tuple[Package, Path, int]] = Queue()
        with disk.explained(root, hint=FOLDER_HINT):
            root.mkdir(parents=True, exist_ok=True)
        if disk.free(root) < (needs := UNPACKED * self.size):
            raise disk.full(root, hint=FOLDER_HINT, needs=needs)
        unpackers = _UNPACKERS if days else 0
        for work in [self._fetch_all] * min(CONNECTIONS, len(days)) + [self._unpack_all] * unpackers:
            Thread(target=work, name="set-up", daemon=True).start()

    @property
    def remaining(self) -> int:
        """How many packages are neither there nor given up."""
        return sum(not done.is_set() for done in self._done.values())

    @property
    def failed(self) -> bool:
        """Whether a package was given up."""
        return bool(self._failures)

    def wait(self, packages: Iterable[Package]) -> None:
        """Wait until these packages are there. Raises the error of the first that cannot be fetched or unpacked."""
        for package in packages:
            if package in self._done:
                # An interrupt does not wait for a server that is silent.
                while not self._done[package].wait(_LOOK):
                    if self._stop.is_set():
                        raise SetupError(f"{package}: interrupted")
                if package in self._failures:
                    raise self._failures[package]

    def _fetch_all(self) -> None:
        """Fetch packages until none waits: the work of one thread, which has one connection to each server."""
        from lazymmu.provision.download import Client

        client = Client(self._stop)
        while True:
            with self._lock:
                if not self._waiting:
                    break
                package = self._waiting.popleft()
            try:
                self._fetch(client, package)
            except (SetupError, OSError) as error:
                self._end(package, error)
        client.close()

    def _end(self, package: Package, error: SetupError | OSError | None = None) -> None:
        if error is not None:
            # Shown before `wait` raises it.
            refusal = disk.refusal(error, self._root, hint=FOLDER_HINT) if isinstance(error, OSError) else None
            self._failures[package] = refusal or error
            self._show(self)
        self._done[package].set()
        if error is None:
            self._show(self)

    def _fetch(self, client: "Client", package: Package) -> None:
        target = folder(self._root, package)
        with ExitStack() as stack:
            lock = os.open(lock_file(self._root, target), os.O_RDWR | os.O_CREAT, 0o644)
            stack.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Another process has it; the package waits for its turn again.
                if self._stop.wait(_LOOK):
                    raise SetupError(f"{package}: interrupted") from None
                with self._lock:
                    self._waiting.append(package)
                return
            if target.is_dir():
                self._got(package.size)
                self._end(package)
                return
            file = self._root / "downloads" / f"{target.name}.deb"
            file.parent.mkdir(exist_ok=True)
            client.fetch(str(package), self.packages[package], package.size, package.sha256, file, self._got)
            self._downloaded.put((package, file, lock))
            # `_unpack` releases the lock.
            stack.pop_all()

    def _unpack_all(self) -> None:
        """Unpack packages as they arrive: the work of one thread."""
        from lazymmu.provision import deb

        with deb.unpacker() as unpack:
            while self.remaining:
                with suppress(Empty):
                    self._unpack(unpack, *self._downloaded.get(timeout=_LOOK))

    def _unpack(self, unpack: Callable[[Path, str, Path], None], package: Package, file: Path, lock: int) -> None:
        target = folder(self._root, package)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
        error = None
        try:
            target.parent.mkdir(exist_ok=True)
            unpack(file, package.name, partial)
            partial.rename(target)
            file.unlink()
        except (SetupError, OSError) as failure:
            error = failure
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)
        self._end(package, error)

    def _got(self, size: int) -> None:
        with self._lock:
            self.arrived += size
        self._show(self)
