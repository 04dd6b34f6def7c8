# SPDX-License-Identifier: GPL-2.0-only
"""Asks apt for kernels, all architectures at once; when that fails, each by itself, for one may fail all.

What a mirror does not have, or not whole, is a refusal with apt's reason, and remembered. A network that is not there,
a full disk or a missing tool is an error, and is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.debian import Apt, depends, refusal, with_lists
from lazymmu.provision.kernels import Release, locked, write_lock
from lazymmu.provision.resolution_cache import Resolution, now, remember
from lazymmu.provision.tool_root import debian_names, host_architecture
from lazymmu.support.errors import SetupError

#: Bytes on disk while apt is only asked: package lists.
_ASKING_NEEDS = 100_000_000

_T = TypeVar("_T")


class Fetched(Struct, frozen=True):
    """What apt gave."""

    releases: Mapping[str, Release]
    #: The packages of these, each once.
    debs: Sequence[Path]
    #: Architecture -> why there is none.
    refused: Mapping[str, str]


def what(kernel: Kernel) -> str:
    """Return what is made under a kernel's lock, for a person."""
    return f"kernel {kernel.name}"


def lock_target(cache: Cache, kernel: Kernel) -> Path:
    """Return the entry whose lock is held while a kernel is resolved and fetched."""
    return cache.root / "kernels" / kernel.name


def resolve(apt: Apt, debian: str, flavour: str) -> Release:
    """Return the newest kernel of a flavour and every package it needs."""
    meta = apt.show(f"linux-headers-{flavour}:{debian}")
    headers = depends(meta, r"linux-headers-.*" + flavour)
    release = headers.removeprefix("linux-headers-")
    fields = apt.show(f"{headers}:{debian}")
    version = fields["Version"]
    common = depends(fields, r"linux-headers-.*-common")
    # kbuild's programs run on the host, whatever they build for.
    kbuild = f"{depends(fields, r'linux-kbuild-.*')}:{host_architecture()}"
    image = apt.show(f"linux-image-{release}:{debian}")
    # From Linux 7 on, the image's package is empty and depends on one with the file.
    boot = depends(image, r"linux-binary-.*", otherwise=f"linux-image-{release}")
    packages = (
        f"{boot}:{debian}={image['Version']}",
        f"{headers}:{debian}={version}",
        f"{common}:all={version}",
        f"{kbuild}={apt.show(kbuild)['Version']}",
    )
    return Release(release=release, version=version, packages=packages)


def _may_carry(cache: Cache, kernel: Kernel, known: Mapping[str, Release], arches: Sequence[str]) -> bool:
    """Return whether the project's lists may help: what is locked, and is asked for anew, must not become older."""
    return not any(arch in locked(cache, kernel) and arch not in known for arch in arches)


def _resolved(kernel: Kernel, apt: Apt, known: Mapping[str, Release], arches: Sequence[str]) -> dict[str, Release]:
    return {
        arch: known.get(arch) or resolve(apt, architectures()[arch].debian, kernel.flavours[arch]) for arch in arches
    }


def _releases(
    cache: Cache, kernel: Kernel, known: Mapping[str, Release], arches: Sequence[str], folder: Path
) -> dict[str, Release]:
    """Return what these architectures resolve to; what is known is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    fallback = _may_carry(cache, kernel, known, arches)
    apt = Apt.open(cache, folder / "apt", kernel.suite, debian_names(arches), fallback=fallback)
    return _resolved(kernel, apt, known, arches)


def _packages(
    cache: Cache, kernel: Kernel, known: Mapping[str, Release], arches: Sequence[str], folder: Path
) -> tuple[dict[str, Release], list[Path]]:
    """Return what these architectures resolve to, and their packages, fetched."""

    def work(apt: Apt, files: Path) -> tuple[dict[str, Release], list[Path]]:
        releases = _resolved(kernel, apt, known, arches)
        wanted = sorted({package for release in releases.values() for package in release.packages})
        return releases, apt.download(wanted, files)

    fallback = _may_carry(cache, kernel, known, arches)
    return with_lists(cache, folder, kernel.suite, debian_names(arches), work, fallback=fallback)


def _apart(
    arches: Sequence[str], folder: Path, work: Callable[[Sequence[str], Path], _T]
) -> tuple[list[_T], dict[str, str]]:
    """Return what `work` gives for all architectures, in one piece or one for each, and why it gives nothing for some.

    Raises what is no refusal of the archive.
    """
    try:
        return [work(arches, folder / "all")], {}
    except SetupError as error:
        reason = refusal(error)
        if reason is None:
            raise
        if len(arches) == 1:
            return [], {arches[0]: reason}
    found: list[_T] = []
    refused: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=len(arches)) as pool:
        futures = {arch: pool.submit(work, [arch], folder / arch) for arch in arches}
    for arch, future in futures.items():
        try:
            found.append(future.result())
        except SetupError as error:
            reason = refusal(error)
            if reason is None:
                raise
            refused[arch] = reason
    return found, refused


def _resolutions(releases: Mapping[str, Release], refused: Mapping[str, str]) -> dict[str, Resolution]:
    asked = now()
    resolved = {arch: Resolution(asked, release=one.release, version=one.version) for arch, one in releases.items()}
    return {**resolved, **{arch: Resolution(asked, reason=reason) for arch, reason in refused.items()}}


def fetch(cache: Cache, kernel: Kernel, arches: Sequence[str], folder: Path, *, update: bool) -> Fetched:
    """Fetch the packages of these architectures into a folder, as far as they can be had.

    Versions that are locked are used again; `update` resolves anew, and what does not resolve then stays as it was
    locked. The caller holds the kernel's lock. Raises SetupError, also for a locked version that cannot be had any
    more.
    """
    before = locked(cache, kernel)
    known = {} if update else before
    title = f"{what(kernel)} ({kernel.title}) for {', '.join(arches)}"
    with cache.progress.step(title, "about 140 MB to fetch, 10 to 30 s") as step:
        found, refused = _apart(arches, folder, partial(_packages, cache, kernel, known))
        debs = {file.name: file for _, files in found for file in files}
        step.size = sum(file.stat().st_size for file in debs.values())
    releases = {arch: release for some, _ in found for arch, release in some.items()}
    new = {arch: release for arch, release in releases.items() if arch not in known}
    gone = [f"{arch}: {reason}" for arch, reason in refused.items() if arch in known]
    if gone:
        raise SetupError(
            f"the locked version of {what(kernel)} cannot be fetched: {'; '.join(gone)}",
            hint=f"lazymmu setup --kernel {kernel.name} --update   (takes what there is now)",
        )
    for arch, reason in refused.items():
        if arch in before:
            stays = f"{before[arch].version} stays locked"
            cache.progress.say(f"{what(kernel)} does not resolve for {arch}, {stays}: {reason}")
    if new:
        write_lock(cache, kernel, {**before, **new}, folder)
    remember(cache, kernel, _resolutions(new, refused), folder)
    return Fetched(releases, list(debs.values()), refused)


def ask(cache: Cache, kernel: Kernel) -> dict[str, Resolution]:
    """Ask apt what a kernel would resolve to now, for each of its architectures; locks and fetches nothing.

    Raises SetupError when apt cannot be asked.
    """
    target, arches = lock_target(cache, kernel), list(kernel.flavours)
    with (
        cache.locked(target, what(kernel)),
        cache.building(target, what(kernel), needs=_ASKING_NEEDS) as folder,
        cache.progress.step(f"{what(kernel)}, asking {kernel.suite}", "a few seconds"),
    ):
        found, refused = _apart(arches, folder, partial(_releases, cache, kernel, {}))
        told = _resolutions({arch: one for some in found for arch, one in some.items()}, refused)
        remember(cache, kernel, told, folder)
    return told
