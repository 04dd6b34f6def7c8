# SPDX-License-Identifier: GPL-2.0-only
"""Resolves parts of the lock live: which packages a suite has for them now.

A refusal of the archive is an answer. A missing network, a full disk or a missing tool is an error.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from lazymmu.provision import mirrors, parts, tool_root
from lazymmu.provision.apt import KEYRING, Apt, Programs, refusal
from lazymmu.provision.cache import Cache
from lazymmu.provision.lock import Part
from lazymmu.provision.packages import Fetching
from lazymmu.provision.parts import Request
from lazymmu.provision.sandbox import choose
from lazymmu.support.errors import SetupError

_T = TypeVar("_T")

#: What apt said about some parts: what it resolved, or why it refused.
Resolved = Mapping[Request, Part | str]

# What compilers depend on and nothing here links: sanitizers.
_UNUSED = re.compile(r"lib(asan|hwasan|lsan|tsan|ubsan)\d")
# Bytes on disk: package lists.
_NEEDS = 300_000_000
# How programs find a mirror by its name.
_NAMES = ("etc/resolv.conf", "etc/hosts")


def resolve(cache: Cache, wanted: Sequence[Request]) -> Resolved:
    """Ask apt for parts: for those of one suite at once, and if that is refused for each alone. Raises SetupError."""
    apt = _of_host(cache) or _of_tool_root(cache)
    with cache.locked(apt.scratch, "packages"), cache.building(apt.scratch, "packages", needs=_NEEDS) as folder:
        suites = sorted({one.suite for one in wanted})
        return _together(
            lambda suite: _resolve_suite(cache, [one for one in wanted if one.suite == suite], folder, apt), suites
        )


def _together(ask: Callable[[_T], Resolved], some: Sequence[_T]) -> Resolved:
    """Return all answers of a function, which asks about some things at the same time."""
    with ThreadPoolExecutor(max_workers=min(len(some), 4) or 1) as pool:
        return {one: found for each in pool.map(ask, some) for one, found in each.items()}


def _of_host(cache: Cache) -> Programs | None:
    """Return apt's programs on this host; None if it lacks them or Debian's keys."""
    there = shutil.which("apt-get") and Path("/", KEYRING).is_file()
    return Programs(list, str, cache.root / "lock" / "resolution") if there else None


def _of_tool_root(cache: Cache) -> Programs:
    """Return apt's programs in a tool root that the project's lock names, fetched first. Raises SetupError."""
    part = tool_root.with_common(cache, parts.host_apt())
    if part is None:
        raise SetupError("apt is needed to resolve packages, and the lock has none", hint="install apt on this host")
    Fetching(cache.root, [part], "apt", cache.progress, cache.tools.stopped).wait(part.packages)
    root = tool_root.assemble(cache, part)
    for name in _NAMES:
        if Path("/", name).is_file():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(Path("/", name).read_bytes())
    sandbox = replace(choose(root), network=True)
    sandbox.equip()
    return Programs(lambda argv: sandbox.command(argv, writable=True), sandbox.inside, root / "lazymmu" / "resolution")


def _resolve_suite(cache: Cache, wanted: Sequence[Request], folder: Path, programs: Programs) -> Resolved:
    suite = wanted[0].suite

    def ask(some: Sequence[Request], name: str) -> Resolved:
        # The first is apt's own.
        debian = dict.fromkeys([some[0].host, *(one.debian for one in some)])
        try:
            apt = Apt.open(cache.tools, programs, folder / f"{suite}-{name}", suite, mirrors.mirrors(), list(debian))
            return {one: _part(apt, one) for one in some}
        except SetupError as error:
            reason = refusal(error)
            if reason is None:
                raise
            return dict.fromkeys(some, reason)

    whole = ask(wanted, "all")
    if len(wanted) == 1 or all(isinstance(found, Part) for found in whole.values()):
        return whole
    return _together(lambda one: ask([one], f"{one.arch}-{one.name}"), wanted)


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
