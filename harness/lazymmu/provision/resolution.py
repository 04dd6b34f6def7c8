# SPDX-License-Identifier: GPL-2.0-only
"""Resolves parts of the lock live: which packages a suite has for them now.

If a mirror does not have a package, or only parts of what it needs, apt's reason is the answer: a refusal. A missing
network, a full disk or a missing tool is an error.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from lazymmu.provision import mirrors
from lazymmu.provision.apt import KEYRING, Apt, Programs, refusal
from lazymmu.provision.cache import Cache
from lazymmu.provision.lock import Part
from lazymmu.provision.parts import Request
from lazymmu.support.errors import SetupError

# What compilers depend on and nothing here links: sanitizers.
_UNUSED = re.compile(r"lib(asan|hwasan|lsan|tsan|ubsan)\d")
# Bytes on disk: package lists.
_NEEDS = 300_000_000


class Resolved(Struct, frozen=True):
    """What apt said about some parts."""

    parts: Mapping[Request, Part]
    #: Why apt refused the others.
    refused: Mapping[Request, str]


def resolve(cache: Cache, wanted: Sequence[Request], programs: Callable[[], Programs]) -> Resolved:
    """Ask apt for parts: for those of one suite at once, and if that is refused for each alone. Raises SetupError.

    `programs` gives apt's programs for a host that has none.
    """
    apt = _of_host(cache) or programs()
    with cache.locked(apt.scratch, "packages"), cache.building(apt.scratch, "packages", needs=_NEEDS) as folder:
        suites = {
            suite: [one for one in wanted if one.suite == suite] for suite in sorted({one.suite for one in wanted})
        }
        with ThreadPoolExecutor(max_workers=len(suites) or 1) as pool:
            found = list(pool.map(lambda suite: _resolve_suite(cache, suite, suites[suite], folder, apt), suites))
    return Resolved(
        {one: part for each in found for one, part in each.parts.items()},
        {one: reason for each in found for one, reason in each.refused.items()},
    )


def _of_host(cache: Cache) -> Programs | None:
    """Return apt's programs on this host; None if it lacks them or Debian's keys."""
    there = shutil.which("apt-get") and Path("/", KEYRING).is_file()
    return Programs(list, str, cache.root / "lock" / "resolution") if there else None


def _resolve_suite(cache: Cache, suite: str, wanted: Sequence[Request], folder: Path, programs: Programs) -> Resolved:

    def ask(some: Sequence[Request], name: str) -> Resolved:
        # The first is apt's own.
        debian = dict.fromkeys([some[0].host, *(one.debian for one in some)])
        try:
            apt = Apt.open(cache.tools, programs, folder / f"{suite}-{name}", suite, mirrors.mirrors(), list(debian))
            return Resolved({one: _part(apt, one) for one in some}, {})
        except SetupError as error:
            reason = refusal(error)
            if reason is None:
                raise
            return Resolved({}, dict.fromkeys(some, reason))

    whole = ask(wanted, "all")
    if not whole.refused or len(wanted) == 1:
        return whole
    with ThreadPoolExecutor(max_workers=4) as pool:
        parts = list(pool.map(lambda one: ask([one], f"{one.arch}-{one.name}"), wanted))
    return Resolved(
        {one: part for each in parts for one, part in each.parts.items()},
        {one: reason for each in parts for one, reason in each.refused.items()},
    )


def _part(apt: Apt, wanted: Request) -> Part:
    release = ""
    if wanted.is_kernel:
        release, names = _kernel(apt, wanted.debian, wanted.names[0], wanted.host)
    else:
        closure = apt.closure([f"{name}:{wanted.debian}" for name in wanted.names])
        names = [name for name in closure if not _UNUSED.match(name)]
    today = datetime.now(UTC).date().isoformat()
    return Part(apt.suite, today, wanted.names, apt.packages(names), release)


def _kernel(apt: Apt, debian: str, flavour: str, host: str) -> tuple[str, list[str]]:
    """Return the release of the newest kernel of a flavour, and its packages. Raises NotThereError."""
    headers = apt.depends(f"linux-headers-{flavour}:{debian}", r"linux-headers-.*" + flavour)
    release = headers.removeprefix("linux-headers-")
    common = apt.depends(f"{headers}:{debian}", r"linux-headers-.*-common")
    # kbuild's programs run on the host, whatever they build for.
    kbuild = f"{apt.depends(f'{headers}:{debian}', r'linux-kbuild-.*')}:{host}"
    # Since Linux 7 the image's package is empty and depends on one with the file, and one with the modules.
    image = f"linux-image-{release}"
    boot = apt.depends(f"{image}:{debian}", r"linux-binary-.*", otherwise=image)
    modules = apt.depends(f"{image}:{debian}", r"linux-modules-.*", otherwise=image)
    version = apt.show(f"{headers}:{debian}")["Version"]
    image_version = apt.show(f"{image}:{debian}")["Version"]
    return release, [
        *dict.fromkeys(f"{name}:{debian}={image_version}" for name in (boot, modules)),
        f"{headers}:{debian}={version}",
        f"{common}:all={version}",
        f"{kbuild}={apt.show(kbuild)['Version']}",
    ]
