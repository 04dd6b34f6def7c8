# SPDX-License-Identifier: GPL-2.0-only
"""Writes images/lock from what Debian has now, and prints what changed: `python -m tools.lock` in `harness/`.

A program for maintainers, to be run at each point release of Debian. It needs apt, which verifies the signatures.
`next` is left out: it is resolved live. What a mirror refuses stays as it was.
"""

import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib import request
from urllib.error import HTTPError
from urllib.parse import quote

from lazymmu.provision import catalogue, lock, mirrors, parts
from lazymmu.provision.cache import Cache
from lazymmu.provision.live import resolve
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.parts import Request
from lazymmu.provision.progress import Progress

#: Kernels whose versions change too often to be locked.
_LIVE = ("next",)


def without(part: Part, host: Part) -> Part:
    """Return a part without the packages that the host's part has."""
    return part._replace(packages=tuple(one for one in part.packages if one not in host.packages))


def absent(packages: Iterable[Package]) -> list[str]:
    """Return the paths that the mirror does not have, whatever its lists say."""
    mirror = mirrors.mirrors()[0]

    def answers(package: Package) -> bool:
        try:
            with request.urlopen(request.Request(f"{mirror}/{quote(package.path)}", method="HEAD"), timeout=60):  # noqa: S310  (http)
                return True
        except HTTPError:
            return False

    every = list(packages)
    # More at a time than that some name servers refuse.
    with ThreadPoolExecutor(4) as pool:
        return [one.path for one, there in zip(every, pool.map(answers, every), strict=True) if not there]


def write(wanted: Request, part: Part) -> None:
    """Write a part that has changed, unless the mirror lacks a file of it."""
    file = lock.path(lock.PROJECT, wanted.host, wanted.arch, wanted.name)
    earlier = lock.read(file) if file.exists() else part._replace(packages=())
    before, now = ({one.name: one for one in each.packages} for each in (earlier, part))
    what = f"{wanted.host} {wanted.arch} {wanted.name}"
    if lost := absent(set(part.packages) - set(before.values())):
        print(f"{what}: stays as it was, because the mirror lacks {', '.join(lost)}")
        return
    if not before:
        print(f"{what}: new, {len(now)} packages")
    for name in sorted({*before, *now} if before else ()):
        old, new = (some[name].version if name in some else "none" for some in (before, now))
        if old != new:
            print(f"{what}: {name} {old} -> {new}")
    # The day of a part whose packages are the same does not change, so that users' trees stay.
    if (earlier.names, before) != (part.names, now):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(lock.text(part), encoding="utf-8")


def main() -> int:
    """Write the lock. Returns the exit status."""
    kernels = [one for name, one in catalogue.kernels().items() if name not in _LIVE]
    with tempfile.TemporaryDirectory() as scratch:
        cache = Cache(Path(scratch), Progress())
        found = [resolve(cache, list(parts.every(kernels, host))) for host in lock.HOSTS.values()]
    for resolved in found:
        for wanted, part in resolved.items():
            host = resolved[parts.host_tools(wanted.host)]
            is_tools = wanted.arch != lock.HOST and wanted.name == lock.TOOLS
            if isinstance(part, str):
                print(f"{wanted.host} {wanted.arch} {wanted.name}: stays as it was: {part}")
            elif is_tools and isinstance(host, Part):
                write(wanted, without(part, host))
            else:
                write(wanted, part)
    return 0


if __name__ == "__main__":
    sys.exit(main())
