# SPDX-License-Identifier: GPL-2.0-only
"""Starts to fetch parts of the lock, and shows how far it is. Only the standard library is used here (see lock.py)."""

from collections.abc import Iterable
from pathlib import Path
from threading import Event

from lazymmu.provision import mirrors, packages
from lazymmu.provision.keys import FOLDER_HINT
from lazymmu.provision.lock import Part
from lazymmu.provision.packages import Fetching
from lazymmu.provision.progress import Progress
from lazymmu.support import disk

#: Bytes on disk for each byte of packages: the package, and what is unpacked from it.
UNPACKED = 4


def started(root: Path, wanted: Iterable[Part], what: str, progress: Progress, stop: Event) -> Fetching:
    """Start to fetch what the cache in `root` lacks of these parts. Raises SetupError, also for a disk that is full.

    `what` is for the progress line. `stop` ends it.
    """
    days = {package: part.resolved for part in wanted for package in packages.missing(root, part.packages)}
    known = mirrors.mirrors() if days else []
    addresses = {
        package: [f"{base}/{package.path}" for base in (*known, *mirrors.snapshot(day))]
        for package, day in days.items()
    }
    with disk.explained(root, hint=FOLDER_HINT):
        root.mkdir(parents=True, exist_ok=True)
    needs = UNPACKED * sum(package.size for package in addresses)
    if disk.free(root) < needs:
        raise disk.full(root, hint=FOLDER_HINT, needs=needs)
    return Fetching(root, addresses, stop, progress.transfer(what)).start()
