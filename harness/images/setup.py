# SPDX-License-Identifier: GPL-2.0-only
"""Brings the cache to the state in which guests can run: the one door through which a run asks for images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.core.errors import SetupError
from harness.images import kernels, toolroot
from harness.images.cache import Cache
from harness.images.catalogue import Kernel
from harness.images.kernels import InstalledKernel
from harness.images.sandbox import Sandbox, choose


@dataclass(frozen=True, slots=True)
class Images:
    """What is ready: the tool root behind its sandbox, and one kernel for each architecture."""

    cache: Cache
    sandbox: Sandbox
    kernels: Mapping[str, InstalledKernel]


def needs(*, root_there: bool) -> int:
    """Return the bytes on disk that a set-up takes while it fetches: the kernels, and the tool root if it lacks."""
    # Both together, or each would take what the other counts on.
    return kernels.NEEDS + (0 if root_there else toolroot.NEEDS)


def _installed(cache: Cache, kernel: Kernel, arches: Sequence[str]) -> dict[str, InstalledKernel] | None:
    """Return the kernels of all these architectures when the whole is there, else None."""
    root = toolroot.path(cache)
    releases = kernels.locked(cache, kernel)
    if not root.is_dir() or not set(arches) <= set(releases):
        return None
    found = {arch: kernels.find(root, kernel, arch, releases[arch]) for arch in arches}
    return {arch: entry for arch, entry in found.items() if entry} if all(found.values()) else None


def prepare(
    cache: Cache, kernel: Kernel, arches: Sequence[str], *, offline: bool = False, update: bool = False
) -> Images:
    """Return the images for these architectures; what is missing is fetched and made first.

    `offline` uses only what is there, `update` resolves the kernel's version anew. Raises SetupError. Boot images are
    not looked into: that is done before a boot (`kernels.verify`).
    """
    lacking = [arch for arch in arches if arch not in kernel.flavours]
    if lacking:
        raise SetupError(f"kernel {kernel.name} does not exist for {', '.join(lacking)}")
    cache.sweep()
    installed = None if update else _installed(cache, kernel, arches)
    if installed is None:
        if offline:
            raise SetupError(
                f"the tool root or kernel {kernel.name} for {', '.join(arches)} is not in the cache, and --offline "
                "forbids to fetch it",
                hint="lazymmu setup   (once, with a network)",
            )
        # In a thread of its own, for an interrupt comes to the main thread: there it could fall between any two steps.
        with ThreadPoolExecutor(max_workers=1) as pool, cache.tools.stopped_by_interrupt():
            installed = pool.submit(_make, cache, kernel, arches, update=update).result()
    return Images(cache=cache, sandbox=choose(toolroot.path(cache)), kernels=installed)


def _make(cache: Cache, kernel: Kernel, arches: Sequence[str], *, update: bool) -> dict[str, InstalledKernel]:
    target, what = cache.root / "kernels" / kernel.name, f"kernel {kernel.name}"
    with cache.locked(target, what):
        installed = None if update else _installed(cache, kernel, arches)
        if installed is not None:
            return installed
        space = needs(root_there=toolroot.path(cache).exists())
        with cache.building(target, what, needs=space) as folder:
            # The tool root is mostly unpacking, the kernels are mostly waiting for the network.
            with ThreadPoolExecutor(max_workers=2) as pool:
                making = pool.submit(toolroot.obtain, cache)
                fetching = pool.submit(kernels.download, cache, kernel, arches, folder, update=update)
                root = making.result()
                releases = fetching.result()
            kernels.install(cache, root, releases, folder)
        installed = _installed(cache, kernel, arches)
    if installed is None:
        raise SetupError(f"kernel {kernel.name} is not whole after its set-up")
    return installed
