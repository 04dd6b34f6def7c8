# SPDX-License-Identifier: GPL-2.0-only
"""Takes versions live: what a suite has now goes into the user's own lock, once all of its files have been fetched."""

from collections.abc import Iterable, Mapping, Sequence

from lazymmu.provision import kernels, lock, packages, parts, resolution, tool_root
from lazymmu.provision.cache import Cache, remove
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.download import NotFetchedError
from lazymmu.provision.kernels import Resolution, now
from lazymmu.provision.lock import Part
from lazymmu.provision.mirrors import SNAPSHOT
from lazymmu.provision.packages import Fetching
from lazymmu.provision.parts import Request
from lazymmu.support.errors import SetupError

_HINT = f"{SNAPSHOT} can name an archive of Debian's earlier states"


def take(cache: Cache, wanted: Sequence[Request]) -> Mapping[Request, str]:
    """Resolve parts, fetch them, and write them to the user's lock. Returns why the archive refused others."""
    what = ", ".join(dict.fromkeys(f"{one.arch} {one.name}" for one in wanted))
    with cache.progress.step(f"asking Debian for {what}", "some 10 s"):
        resolved = resolution.resolve(cache, wanted)
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


def obtain(cache: Cache, wanted: Sequence[Request], what: str, *, offline: bool = False) -> dict[Request, Part]:
    """Return parts whose packages are unpacked: of the lock, or live if it lacks them or they are gone.

    Raises SetupError, with `offline` also if something would have to be fetched.
    """
    found = {one: tool_root.locked(cache, one) for one in wanted}
    known = {one: part for one, part in found.items() if part}
    every = [package for part in known.values() for package in part.packages]
    if offline and (len(known) < len(found) or packages.missing(cache.root, every)):
        message = f"the {what} ({', '.join(one.arch for one in wanted)}) is not in the cache, and --offline forbids "
        raise SetupError(f"{message}fetching it", hint="run the same command once without --offline")

    def work() -> None:
        if unknown := [one for one in found if one not in known]:
            _required(cache, unknown)
        fetching = Fetching(cache.root, known.values(), what, cache.progress, cache.tools.stopped)
        for one, part in known.items():
            try:
                fetching.wait(part.packages)
            except NotFetchedError as error:
                fall_back(cache, error, [one])

    cache.tools.in_thread(work)
    return {one: part for one in wanted if (part := tool_root.locked(cache, one)) is not None}


def fall_back(cache: Cache, error: NotFetchedError, wanted: Sequence[Request]) -> None:
    """Take parts live because locked packages are gone. Raises SetupError, the error itself if it has another cause."""
    if not error.gone:
        raise error
    cache.progress.say(f"{error.message}; asking Debian what it has now")
    _required(cache, wanted, f"{error.message}; and of today's: ")


def _required(cache: Cache, wanted: Sequence[Request], why: str = "") -> None:
    """Take parts live. Raises SetupError if the archive refuses one."""
    for one, reason in take(cache, wanted).items():
        raise SetupError(f"{why}{one.arch} {one.name}: {reason}", hint=_HINT)


def resolve(cache: Cache, kernel: Kernel, arches: Iterable[str], *, update: bool) -> None:
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
        resolved, asked = resolution.resolve(cache, list(wanted)), now()
    for kernel in every:
        said = {one.arch: Resolution.of(asked, found) for one, found in resolved.items() if wanted[one] == kernel}
        kernels.remember(cache, kernel, said)


def reset(cache: Cache) -> bool:
    """Remove the user's own lock, so that the project's counts. Returns whether there was one."""
    there = lock.users(cache.root).is_dir()
    remove(lock.users(cache.root))
    return there
