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
from lazymmu.provision.resolution_cache import Answer, answers, now
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.support.errors import SetupError
from lazymmu.support.machine_names import DEFAULT_KERNEL


class Images(Struct, frozen=True):
    """What is ready: the tool root behind its sandbox, and one kernel for each architecture."""

    cache: Cache
    sandbox: Sandbox
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
    """Return the bytes on disk that a set-up takes while it fetches: the kernels, and the tool root if it lacks."""
    # Both together, or each would take what the other counts on.
    return kernels.NEEDS + (0 if root_there else tool_root.NEEDS)


def _look(cache: Cache, kernel: Kernel, arches: Sequence[str], believed: Callable[[Answer], bool]) -> _Look:
    """Return what is there; `believed` says whether a reason is new enough not to ask again."""
    root = tool_root.path(cache)
    releases = kernels.locked(cache, kernel)
    told = answers(cache, kernel)
    found = _Look({}, {}, [])
    for arch in arches:
        installed = kernels.find(root, kernel, arch, releases[arch]) if arch in releases and root.is_dir() else None
        if installed is not None:
            found.installed[arch] = installed
        elif arch not in kernel.flavours:
            found.refused[arch] = f"images/kernels.yaml has no {kernel.name} for {arch}"
        elif arch not in releases and arch in told and told[arch].reason and believed(told[arch]):
            found.refused[arch] = f"kernel {kernel.name} does not resolve for {arch}: {told[arch].refusal()}"
        else:
            found.lacking.append(arch)
    return found


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
    believed = (lambda _: True) if offline else (lambda _: False) if again else (lambda answer: answer.believed(time))
    look = _look(cache, kernel, arches, believed)
    if look.lacking and offline:
        raise SetupError(
            f"the tool root or kernel {kernel.name} for {', '.join(look.lacking)} is not in the cache, and --offline "
            "forbids to fetch it",
            hint=f"lazymmu setup --kernel {kernel.name}   (once, with a network)",
        )
    if update or look.lacking or not tool_root.path(cache).is_dir():
        # In a thread of its own, for an interrupt comes to the main thread: there it could fall between any two steps.
        with ThreadPoolExecutor(max_workers=1) as pool, cache.tools.stopped_by_interrupt():
            making = pool.submit(_make, cache, kernel, arches, believed, update=update)
            try:
                making.result()
            except SetupError as error:
                # What was only to be asked anew, for its answer is old, costs no run its other machines.
                old = not _look(cache, kernel, arches, lambda _: True).lacking and tool_root.path(cache).is_dir()
                if not old or update or again or cache.tools.stopping():
                    raise
                cache.progress.say(f"apt could not be asked again: {error.message.splitlines()[0]}")
        look = _look(cache, kernel, arches, lambda _: True)
        if look.lacking:
            raise SetupError(f"kernel {kernel.name} is not whole after its set-up: {', '.join(look.lacking)}")
    return Images(cache, sandbox(tool_root.path(cache)), look.installed, look.refused, kernel.name)


def _make(
    cache: Cache, kernel: Kernel, arches: Sequence[str], believed: Callable[[Answer], bool], *, update: bool
) -> None:
    """Fetch and unpack what lacks, of the kernel or of the tool root."""
    # What fetches and unpacks takes a while to load, and most runs have everything.
    from lazymmu.provision import kernel_resolution, unpacking  # noqa: PLC0415

    target, what = kernel_resolution.lock_target(cache, kernel), kernel_resolution.what(kernel)
    with cache.locked(target, what):
        wanted = [arch for arch in arches if arch in kernel.flavours]
        # Another process may have made it while we waited.
        lacking = wanted if update else _look(cache, kernel, wanted, believed).lacking
        if not lacking:
            tool_root.obtain(cache)
            return
        space = needs(root_there=tool_root.path(cache).exists())
        with cache.building(target, what, needs=space) as folder:
            # The tool root is mostly unpacking, the kernels are mostly waiting for the network.
            with ThreadPoolExecutor(max_workers=2) as pool:
                making = pool.submit(tool_root.obtain, cache)
                fetching_kernels = pool.submit(kernel_resolution.fetch, cache, kernel, lacking, folder, update=update)
                root = making.result()
                fetched = fetching_kernels.result()
            if fetched.releases:
                unpacking.install(cache, root, fetched.releases, fetched.debs)
