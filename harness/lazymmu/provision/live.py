# SPDX-License-Identifier: GPL-2.0-only
"""Takes versions live: what a suite has now goes into the user's own lock, once all of its files have been fetched.

A refusal of the archive is an answer. A missing network, a full disk or a missing tool is an error.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from lazymmu.provision import kernels, lock, mirrors, packages, parts, tool_root
from lazymmu.provision.apt import KEYRING, Apt, Programs, refusal
from lazymmu.provision.cache import Cache, remove
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.download import NotFetchedError
from lazymmu.provision.kernels import Resolution, now
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
_HINT = f"{mirrors.SNAPSHOT} can name an archive of Debian's earlier states"


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
        names = (name.partition("=")[0] for one in some for name in _qualified(one))
        debian = dict.fromkeys([some[0].host, *(name.rpartition(":")[2] for name in names)])
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


def _qualified(wanted: Request) -> list[str]:
    """Return the wanted names as `name:architecture`, or `name:architecture=version` where only that one is wanted."""
    pairs = (name.partition("=") for name in wanted.names)
    return [(name if ":" in name else f"{name}:{wanted.debian}") + sign + version for name, sign, version in pairs]


def _part(apt: Apt, wanted: Request) -> Part:
    release = ""
    if wanted.is_kernel:
        release, names = _kernel(apt, wanted.debian, wanted.names[0], wanted.host)
    elif wanted.is_debug_info:
        names = _qualified(wanted)
    else:
        names = [name for name in apt.closure(_qualified(wanted)) if not _UNUSED.match(name)]
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


def take(cache: Cache, wanted: Sequence[Request]) -> Mapping[Request, str]:
    """Resolve parts, fetch them, and write them to the user's lock. Returns why the archive refused others."""
    what = ", ".join(dict.fromkeys(f"{one.arch} {one.name}" for one in wanted))
    with cache.progress.step(f"asking Debian for {what}", "some 10 s"):
        resolved = resolve(cache, wanted)
    refused = {one: found for one, found in resolved.items() if isinstance(found, str)}
    some = {one: found for one, found in resolved.items() if isinstance(found, Part)}
    fetching = Fetching(cache.root, some.values(), what, cache.progress, cache.tools.stopped)
    for one, part in some.items():
        try:
            fetching.wait(part.packages)
            file = lock.path(lock.users(cache.root), one.host, one.arch, one.name)
            with cache.building(file, "lock") as folder:
                (folder / file.name).write_text(lock.text(part), encoding="utf-8")
                (folder / file.name).replace(file)
        except NotFetchedError as error:
            if not error.gone:
                raise
            refused[one] = error.message
    return refused


def obtain(
    cache: Cache, wanted: Sequence[Request], what: str, *, offline: bool = False, hint: str = _HINT
) -> dict[Request, Part]:
    """Return parts whose packages are unpacked: of the lock, or live if it lacks them or they are gone.

    Raises SetupError, with `offline` also if something would have to be fetched; `hint` is for what the archive lacks.
    """
    found = {one: tool_root.locked(cache, one) for one in wanted}
    known = {one: part for one, part in found.items() if part}
    every = [package for part in known.values() for package in part.packages]
    if offline and (len(known) < len(found) or packages.missing(cache.root, every)):
        message = f"the {what} ({', '.join(one.arch for one in wanted)}) is not in the cache, and --offline forbids "
        raise SetupError(f"{message}fetching it", hint="run the same command once without --offline")

    def work() -> None:
        if unknown := [one for one in found if one not in known]:
            _required(cache, unknown, hint=hint)
        fetching = Fetching(cache.root, known.values(), what, cache.progress, cache.tools.stopped)
        for one, part in known.items():
            try:
                fetching.wait(part.packages)
            except NotFetchedError as error:
                fall_back(cache, error, [one], hint=hint)

    cache.tools.in_thread(work)
    return {one: part for one in wanted if (part := tool_root.locked(cache, one)) is not None}


def fall_back(cache: Cache, error: NotFetchedError, wanted: Sequence[Request], *, hint: str = _HINT) -> None:
    """Take parts live because locked packages are gone. Raises SetupError, the error itself if it has another cause."""
    if not error.gone:
        raise error
    cache.progress.say(f"{error.message}; asking Debian what it has now")
    _required(cache, wanted, f"{error.message}; and of today's: ", hint=hint)


def _required(cache: Cache, wanted: Sequence[Request], why: str = "", *, hint: str = _HINT) -> None:
    """Take parts live. Raises SetupError if the archive refuses one."""
    for one, reason in take(cache, wanted).items():
        raise SetupError(f"{why}{one.arch} {one.name}: {reason}", hint=hint)


def take_kernel(cache: Cache, kernel: Kernel, arches: Iterable[str], *, update: bool) -> None:
    """Take the kernel and the tools of these architectures live: all with `update`, else those that the lock lacks.

    What the archive refuses is remembered; a locked version then stays. Raises SetupError for tools without one.
    """
    every = [parts.host_tools(), *(one for arch in arches for one in (parts.tools(arch), parts.kernel(kernel, arch)))]
    wanted = [one for one in every if update or tool_root.locked(cache, one) is None]
    refused = take(cache, wanted)
    asked = now()
    for one, reason in refused.items():
        if tool_root.locked(cache, one) is not None:
            cache.progress.say(f"{one.arch} {one.name}: the locked versions stay: {reason}")
        elif not one.is_kernel:
            raise SetupError(f"the tools for {one.arch} cannot be resolved: {reason}")
    said = {one.arch: refused.get(one) or tool_root.locked(cache, one) for one in wanted if one.is_kernel}
    kernels.remember(cache, kernel, {arch: Resolution.of(asked, found) for arch, found in said.items() if found})


def ask(cache: Cache, every: Sequence[Kernel]) -> None:
    """Ask apt what kernels would resolve to now, and remember it; nothing is locked or fetched. Raises SetupError."""
    wanted = {parts.kernel(kernel, arch): kernel for kernel in every for arch in kernel.flavours}
    with cache.progress.step("asking Debian for kernels", "half a minute"):
        resolved, asked = resolve(cache, list(wanted)), now()
    for kernel in every:
        said = {one.arch: Resolution.of(asked, found) for one, found in resolved.items() if wanted[one] == kernel}
        kernels.remember(cache, kernel, said)


def reset(cache: Cache) -> bool:
    """Remove the user's own lock, so that the project's counts. Returns whether there was one."""
    there = lock.users(cache.root).is_dir()
    remove(lock.users(cache.root))
    return there
