# SPDX-License-Identifier: GPL-2.0-only
"""Brings the cache to the state in which guests can run: the one door through which a run asks for images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct, field

from lazymmu.provision import kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.resolution_cache import Resolution, now, resolutions
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.support.errors import SetupError
from lazymmu.support.machine_names import DEFAULT_KERNEL


class Images(Struct, frozen=True):
    """What is ready: for each architecture one kernel, and its tool root behind a sandbox."""

    cache: Cache
    sandboxes: Mapping[str, Sandbox]
    kernels: Mapping[str, InstalledKernel]
    #: Architecture -> why that kernel cannot be had for it.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: The kernel's name.
    name: str = DEFAULT_KERNEL


class _Look(Struct, frozen=True):
    """What the cache has of a kernel."""

    installed: dict[str, InstalledKernel]
    refused: dict[str, str]
    #: Architectures for which apt has to be asked.
    lacking: list[str]


def needs(*, root_there: bool) -> int:
    """Return the bytes on disk that a set-up takes while it fetches: the kernels, and a tool root if one is missing."""
    # Both together, or each would take what the other counts on.
    return kernels.NEEDS + (0 if root_there else tool_root.NEEDS)


def _look(cache: Cache, kernel: Kernel, arches: Sequence[str], believed: Callable[[Resolution], bool]) -> _Look:
    """Return what is there; `believed` says whether a reason is new enough not to ask again."""
    releases = kernels.locked(cache, kernel)
    told = resolutions(cache, kernel)
    found = _Look({}, {}, [])
    for arch in arches:
        root = tool_root.path(cache, arch)
        installed = (
            kernels.installed_kernel(root, kernel, arch, releases[arch]) if arch in releases and root.is_dir() else None
        )
        if installed is not None:
            found.installed[arch] = installed
        elif arch not in kernel.flavours:
            found.refused[arch] = f"there is no kernel {kernel.name} for {arch}"
        elif arch not in releases and arch in told and told[arch].reason and believed(told[arch]):
            found.refused[arch] = f"kernel {kernel.name} does not resolve for {arch}: {told[arch].refusal()}"
        else:
            found.lacking.append(arch)
    return found


def present(
    cache: Cache, kernel: Kernel, arches: Sequence[str], *, offline: bool
) -> tuple[dict[str, InstalledKernel], dict[str, str]]:
    """Return, by architecture, the kernels that a run would find in the cache, and why it would leave others out."""
    time = now()
    look = _look(cache, kernel, arches, lambda answer: offline or answer.is_recent(time))
    return look.installed, look.refused


def prepare(
    cache: Cache,
    kernel: Kernel,
    arches: Sequence[str],
    *,
    offline: bool = False,
    update: bool = False,
    sandbox: Callable[[Path], Sandbox] = choose,
) -> Images:
    """Return the images for all these architectures, as `available` does; SetupError when one cannot be had."""
    found = available(cache, kernel, arches, offline=offline, update=update, sandbox=sandbox)
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
    """Return the images for these architectures, as far as they can be had; what is missing is fetched and made first.

    `offline` uses only what is there, `update` resolves the kernel's version anew, `again` asks apt also for what it
    refused not long ago. `sandbox` gives what runs the programs of a tool root, and may know it already. Raises
    SetupError. Boot images are not looked into: that is done before a boot (`kernels.verify`).
    """
    cache.sweep()
    time = now()
    believed = (lambda _: True) if offline else (lambda _: False) if again else (lambda answer: answer.is_recent(time))
    look = _look(cache, kernel, arches, believed)
    if look.lacking and offline:
        raise SetupError(
            f"the tool root or kernel {kernel.name} for {', '.join(look.lacking)} is not in the cache, and --offline "
            "forbids to fetch it",
            hint=f"lazymmu setup --kernel {kernel.name}   (once, with a network)",
        )
    roots = {arch: tool_root.path(cache, arch) for arch in arches}
    if update or look.lacking or not _all_there(roots):
        # In a thread of its own, for an interrupt comes to the main thread: there it could fall between any two steps.
        with ThreadPoolExecutor(max_workers=1) as pool, cache.tools.stopped_by_interrupt():
            making = pool.submit(_make, cache, kernel, arches, believed, update=update)
            try:
                making.result()
            except SetupError as error:
                # What was only to be asked anew, for its answer is old, costs no run its other machines.
                old = not _look(cache, kernel, arches, lambda _: True).lacking and _all_there(roots)
                if not old or update or again or cache.tools.stopping():
                    raise
                cache.progress.say(f"apt could not be asked again: {error.message.splitlines()[0]}")
        look = _look(cache, kernel, arches, lambda _: True)
        if look.lacking:
            raise SetupError(f"kernel {kernel.name} is not whole after its set-up: {', '.join(look.lacking)}")
    sandboxes = {root: sandbox(root) for root in set(roots.values())}
    by_arch = {arch: sandboxes[root] for arch, root in roots.items()}
    return Images(cache, by_arch, look.installed, look.refused, kernel.name)


def _all_there(roots: Mapping[str, Path]) -> bool:
    return all(root.is_dir() for root in roots.values())


def _make(
    cache: Cache, kernel: Kernel, arches: Sequence[str], believed: Callable[[Resolution], bool], *, update: bool
) -> None:
    """Fetch and unpack what lacks, of the kernel or of the tool root."""
    # What fetches and unpacks takes a while to load, and most runs have everything.
    from lazymmu.provision import kernel_resolution, unpacking

    target, what = kernel_resolution.lock_target(cache, kernel), kernel_resolution.what(kernel)
    with cache.locked(target, what):
        wanted = [arch for arch in arches if arch in kernel.flavours]
        # Another process may have made it while we waited.
        lacking = wanted if update else _look(cache, kernel, wanted, believed).lacking
        roots = {arch: tool_root.path(cache, arch) for arch in arches}
        one_of_each = {root: arch for arch, root in roots.items()}
        if not lacking:
            for arch in one_of_each.values():
                tool_root.obtain(cache, arch)
            return
        with cache.building(target, what, needs=needs(root_there=_all_there(roots))) as folder:
            # A tool root is mostly unpacking, the kernels are mostly waiting for the network.
            with ThreadPoolExecutor(max_workers=1 + len(one_of_each)) as pool:
                making = [pool.submit(tool_root.obtain, cache, arch) for arch in one_of_each.values()]
                fetching_kernels = pool.submit(kernel_resolution.fetch, cache, kernel, lacking, folder, update=update)
                for made in making:
                    made.result()
                fetched = fetching_kernels.result()
            for root in one_of_each:
                releases = {arch: one for arch, one in fetched.releases.items() if roots[arch] == root}
                if releases:
                    unpacking.install(cache, root, releases, fetched.debs)
