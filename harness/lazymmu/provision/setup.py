# SPDX-License-Identifier: GPL-2.0-only
"""Prepares what guests are made of: their kernels and tool roots. A run gets its images only here."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct, field

from lazymmu.provision import kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Resolution, now, resolutions
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.support.errors import SetupError
from lazymmu.support.machine_names import DEFAULT_KERNEL


class Images(Struct, frozen=True):
    """What is ready: for each architecture one kernel, and the sandbox of its tool root."""

    cache: Cache
    sandboxes: Mapping[str, Sandbox]
    kernels: Mapping[str, InstalledKernel]
    #: Architecture -> why there is no such kernel for it.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: The kernel's name.
    name: str = DEFAULT_KERNEL


class _Contents(Struct, frozen=True):
    """What the cache has of a kernel, by architecture."""

    installed: dict[str, InstalledKernel] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    #: Architectures for which apt must be asked.
    missing: list[str] = field(default_factory=list)


def needs(*, root_there: bool) -> int:
    """Return the bytes on disk that a set-up takes while it fetches: the kernels, and a tool root if one is missing."""
    # Check the sum: each alone might fit and both not.
    return kernels.NEEDS + (0 if root_there else tool_root.NEEDS)


def _contents(
    cache: Cache, kernel: Kernel, arches: Sequence[str], still_valid: Callable[[Resolution], bool]
) -> _Contents:
    """Return what the cache has. `still_valid` says whether a refusal is new enough not to ask again."""
    releases, earlier = kernels.locked(cache, kernel), resolutions(cache, kernel)
    found = _Contents()
    for arch in arches:
        root, installed = tool_root.path(cache, arch), None
        if arch in releases and root.is_dir():
            installed = kernels.installed_kernel(root, kernel, arch, releases[arch])
        if installed is not None:
            found.installed[arch] = installed
        elif arch not in kernel.flavours:
            found.refused[arch] = f"there is no kernel {kernel.name} for {arch}"
        elif arch not in releases and arch in earlier and earlier[arch].reason and still_valid(earlier[arch]):
            found.refused[arch] = f"kernel {kernel.name} does not resolve for {arch}: {earlier[arch].refusal()}"
        else:
            found.missing.append(arch)
    return found


def present(
    cache: Cache, kernel: Kernel, arches: Sequence[str], *, offline: bool
) -> tuple[dict[str, InstalledKernel], dict[str, str]]:
    """Return, by architecture, the kernels that a run would find in the cache, and why it would leave others out."""
    time = now()
    found = _contents(cache, kernel, arches, lambda resolution: offline or resolution.is_recent(time))
    return found.installed, found.refused


def prepare(
    cache: Cache,
    kernel: Kernel,
    arches: Sequence[str],
    *,
    offline: bool = False,
    sandbox: Callable[[Path], Sandbox] = choose,
) -> Images:
    """Return the images for all these architectures, as `available` does. Raises SetupError if one is refused."""
    found = available(cache, kernel, arches, offline=offline, sandbox=sandbox)
    if found.refused:
        raise SetupError("\n".join(found.refused.values()), hint=f"lazymmu setup --kernel {kernel.name} asks apt again")
    return found


def available(
    cache: Cache,
    kernel: Kernel,
    arches: Sequence[str],
    *,
    offline: bool = False,
    update: bool = False,
    again: bool = False,
    sandbox: Callable[[Path], Sandbox] = choose,
) -> Images:
    """Return the images for these architectures, as far as they are available. What is missing is fetched first.

    `offline` uses only the cache, `update` resolves the kernel's version again, `again` asks apt also for what it
    refused recently. `sandbox` gives the sandbox of a tool root. Boot images are not checked here but before a boot
    (`kernels.verify`). Raises SetupError.
    """
    cache.sweep()
    time = now()

    def still_valid(resolution: Resolution) -> bool:
        return offline or (not again and resolution.is_recent(time))

    def always_valid(_: Resolution) -> bool:
        return True

    found = _contents(cache, kernel, arches, still_valid)
    if found.missing and offline:
        raise SetupError(
            f"the tool root or kernel {kernel.name} for {', '.join(found.missing)} is not in the cache, and --offline "
            "forbids fetching it",
            hint=f"lazymmu setup --kernel {kernel.name}   (once, with a network)",
        )
    roots = {arch: tool_root.path(cache, arch) for arch in arches}
    if update or found.missing or not _all_there(roots):
        try:
            cache.tools.in_thread(lambda: _fetch(cache, kernel, roots, still_valid, update=update))
        except SetupError as error:
            # If only a refresh failed and everything is in the cache, go on with the old answer.
            missing = _contents(cache, kernel, arches, always_valid).missing
            if missing or not _all_there(roots) or update or again or cache.tools.stopping():
                raise
            cache.progress.say(f"apt could not be asked again: {error.message.splitlines()[0]}")
        found = _contents(cache, kernel, arches, always_valid)
        if found.missing:
            raise SetupError(f"kernel {kernel.name} is incomplete after its set-up: {', '.join(found.missing)}")
    sandboxes = {root: sandbox(root) for root in set(roots.values())}
    by_arch = {arch: sandboxes[root] for arch, root in roots.items()}
    return Images(cache, by_arch, found.installed, found.refused, kernel.name)


def _all_there(roots: Mapping[str, Path]) -> bool:
    return all(root.is_dir() for root in roots.values())


def _fetch(
    cache: Cache, kernel: Kernel, roots: Mapping[str, Path], still_valid: Callable[[Resolution], bool], *, update: bool
) -> None:
    """Fetch and unpack what is missing of the kernel, and of the tool roots of these architectures."""
    # These take a while to load, and most runs have everything.
    from lazymmu.provision import kernel_resolution, unpacking

    target, what = kernel_resolution.lock_target(cache, kernel), f"kernel {kernel.name}"
    with cache.locked(target, what):
        wanted = [arch for arch in roots if arch in kernel.flavours]
        # Another process may have made it meanwhile.
        missing = wanted if update else _contents(cache, kernel, wanted, still_valid).missing
        one_of_each = {root: arch for arch, root in roots.items()}
        if not missing:
            for arch in one_of_each.values():
                tool_root.obtain(cache, arch)
            return
        with cache.building(target, what, needs=needs(root_there=_all_there(roots))) as folder:
            # A tool root is mostly unpacking, the kernels are mostly waiting for the network.
            with ThreadPoolExecutor(max_workers=1 + len(one_of_each)) as pool:
                fetching = pool.submit(kernel_resolution.fetch, cache, kernel, missing, folder, update=update)
                list(pool.map(lambda arch: tool_root.obtain(cache, arch), one_of_each.values()))
                fetched = fetching.result()
            for root in one_of_each:
                releases = {arch: one for arch, one in fetched.releases.items() if roots[arch] == root}
                if releases:
                    unpacking.install(cache, root, releases, fetched.debs)
