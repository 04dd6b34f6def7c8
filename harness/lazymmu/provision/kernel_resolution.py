# SPDX-License-Identifier: GPL-2.0-only
"""Asks apt for kernels: for all architectures at once, and if that fails for each alone, because one can fail all.

If a mirror does not have a kernel, or only parts of it, apt's reason is remembered: the kernel is refused. A missing
network, a full disk or a missing tool is an error.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.debian import Apt, depends, refusal, with_lists
from lazymmu.provision.kernels import Release, Resolution, lock, locked, now, remember
from lazymmu.provision.tool_root import debian_names, host_architecture
from lazymmu.support.errors import SetupError

#: Bytes on disk while apt is only asked: package lists.
_ASKING_NEEDS = 100_000_000


class Fetched(Struct, frozen=True):
    """What apt gave: releases by architecture, and their packages."""

    releases: Mapping[str, Release] = {}
    debs: Sequence[Path] = ()
    #: Architecture -> why apt refused it.
    refused: Mapping[str, str] = {}


def lock_target(cache: Cache, kernel: Kernel) -> Path:
    """Return the entry whose lock is held while a kernel is resolved and fetched."""
    return cache.root / "kernels" / kernel.name


def resolve(apt: Apt, debian: str, flavour: str) -> Release:
    """Return the newest kernel of a flavour with every package that it needs. Raises NotThereError."""
    meta = apt.show(f"linux-headers-{flavour}:{debian}")
    headers = depends(meta, r"linux-headers-.*" + flavour)
    release = headers.removeprefix("linux-headers-")
    fields = apt.show(f"{headers}:{debian}")
    version = fields["Version"]
    common = depends(fields, r"linux-headers-.*-common")
    # kbuild's programs run on the host, whatever they build for.
    kbuild = f"{depends(fields, r'linux-kbuild-.*')}:{host_architecture()}"
    image = apt.show(f"linux-image-{release}:{debian}")
    # Since Linux 7 the image's package is empty and depends on one with the file.
    boot = depends(image, r"linux-binary-.*", otherwise=f"linux-image-{release}")
    packages = (
        f"{boot}:{debian}={image['Version']}",
        f"{headers}:{debian}={version}",
        f"{common}:all={version}",
        f"{kbuild}={apt.show(kbuild)['Version']}",
    )
    return Release(release=release, version=version, packages=packages)


def _ask(
    cache: Cache, kernel: Kernel, known: Mapping[str, Release], arches: Sequence[str], folder: Path, *, files: bool
) -> Fetched:
    """Ask for these architectures at once, also for the packages if `files`. A known release is not resolved again."""

    def work(apt: Apt, target: Path) -> Fetched:
        releases = {
            arch: known.get(arch) or resolve(apt, architectures()[arch].debian, kernel.flavours[arch])
            for arch in arches
        }
        packages = sorted({package for release in releases.values() for package in release.packages})
        return Fetched(releases, apt.download(packages, target) if files else [])

    # The project's lists are old: a locked kernel that is resolved again must not become older.
    fallback = not any(arch in locked(cache, kernel) and arch not in known for arch in arches)
    return with_lists(cache, folder, kernel.suite, debian_names(arches), work, fallback=fallback)


def _ask_apart(
    cache: Cache, kernel: Kernel, known: Mapping[str, Release], arches: Sequence[str], folder: Path, *, files: bool
) -> Fetched:
    """Ask for all these architectures, if that is refused for each alone. Raises SetupError for other failures."""
    ask = partial(_ask, cache, kernel, known, files=files)

    def asked(some: Sequence[str], name: str) -> Fetched:
        try:
            return ask(some, folder / name)
        except SetupError as error:
            reason = refusal(error)
            if reason is None:
                raise
            return Fetched(refused=dict.fromkeys(some, reason))

    whole = asked(arches, "all")
    if not whole.refused or len(arches) == 1:
        return whole
    with ThreadPoolExecutor(max_workers=len(arches)) as pool:
        parts = list(pool.map(lambda arch: asked([arch], arch), arches))
    return Fetched(
        releases={arch: release for part in parts for arch, release in part.releases.items()},
        # Packages that several need are fetched by each, and kept once.
        debs=list({file.name: file for part in parts for file in part.debs}.values()),
        refused={arch: reason for part in parts for arch, reason in part.refused.items()},
    )


def _resolutions(releases: Mapping[str, Release], refused: Mapping[str, str]) -> dict[str, Resolution]:
    asked = now()
    resolved = {arch: Resolution(asked, release=one.release, version=one.version) for arch, one in releases.items()}
    return {**resolved, **{arch: Resolution(asked, reason=reason) for arch, reason in refused.items()}}


def fetch(cache: Cache, kernel: Kernel, arches: Sequence[str], folder: Path, *, update: bool) -> Fetched:
    """Fetch the packages of these architectures into a folder, as far as apt gives them.

    Locked versions are used again. With `update`, all are resolved again, and those that apt refuses then stay locked.
    The caller holds the kernel's lock. Raises SetupError, also for a locked version that is gone.
    """
    before = locked(cache, kernel)
    known = {} if update else before
    title = f"kernel {kernel.name} ({kernel.title}) for {', '.join(arches)}"
    with cache.progress.step(title, "about 140 MB to fetch, 10 to 30 s") as step:
        found = _ask_apart(cache, kernel, known, arches, folder, files=True)
        step.size = sum(file.stat().st_size for file in found.debs)
    gone = [f"{arch}: {reason}" for arch, reason in found.refused.items() if arch in known]
    if gone:
        raise SetupError(
            f"the locked version of kernel {kernel.name} cannot be fetched: {'; '.join(gone)}",
            hint=f"lazymmu setup --kernel {kernel.name} --update   (takes what there is now)",
        )
    for arch in (arch for arch in found.refused if arch in before):
        stays = f"{before[arch].version} stays locked"
        cache.progress.say(f"kernel {kernel.name} does not resolve for {arch}, {stays}: {found.refused[arch]}")
    new = {arch: release for arch, release in found.releases.items() if arch not in known}
    if new:
        lock(cache, kernel, {**before, **new}, folder)
    remember(cache, kernel, _resolutions(new, found.refused), folder)
    return found


def ask(cache: Cache, kernel: Kernel) -> None:
    """Ask apt what a kernel would resolve to now on each of its architectures, and remember it.

    Nothing is locked or fetched. Raises SetupError if apt cannot be asked.
    """
    target = lock_target(cache, kernel)
    with (
        cache.locked(target, f"kernel {kernel.name}"),
        cache.building(target, f"kernel {kernel.name}", needs=_ASKING_NEEDS) as folder,
        cache.progress.step(f"kernel {kernel.name}, asking {kernel.suite}", "a few seconds"),
    ):
        found = _ask_apart(cache, kernel, {}, list(kernel.flavours), folder, files=False)
        remember(cache, kernel, _resolutions(found.releases, found.refused), folder)
