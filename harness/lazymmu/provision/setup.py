# SPDX-License-Identifier: GPL-2.0-only
"""Prepares what guests are made of: their kernels and tool roots. A run gets its images only here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.architecture import DEFAULT_KERNEL, architectures
from lazymmu.provision import kernels, packages, parts, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Resolution, resolutions
from lazymmu.provision.keys import FOLDER_HINT
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.packages import Fetching
from lazymmu.provision.parts import Request
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.support import disk
from lazymmu.support.errors import SetupError


class Images(Struct, frozen=True):
    """For each architecture one kernel, and the sandbox of its tool root."""

    cache: Cache
    #: These three change if `ready` finds that locked versions are gone.
    sandboxes: dict[str, Sandbox]
    kernels: dict[str, InstalledKernel]
    #: Version of its QEMU's packages.
    qemu: dict[str, str] = field(default_factory=dict)
    #: Architecture -> why there is no such kernel for it.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: The kernel's name.
    name: str = DEFAULT_KERNEL
    #: Waits until the files of an architecture are there. Raises SetupError if they do not come.
    ready: Callable[[str], None] = lambda _: None

    def add(self, arch: str, tools: Part, kernel: InstalledKernel, sandbox: Callable[[Path], Sandbox]) -> None:
        """Use these versions for an architecture."""
        self.sandboxes[arch] = sandbox(kernel.root)
        self.qemu[arch] = tools.version
        self.kernels[arch] = kernel

    def all_ready(self) -> "Images":
        """Wait until everything is there. Returns the images. Raises SetupError."""
        for arch in self.kernels:
            self.ready(arch)
        return self


class Contents(Struct, frozen=True):
    """What the lock says of a kernel and its tools, by architecture, and what the cache has."""

    #: Tools, and the kernel as it is or will be in their root.
    locked: dict[str, tuple[Part, InstalledKernel]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    #: Architectures for which apt must be asked.
    unknown: list[str] = field(default_factory=list)
    #: Architectures whose files are not all in the cache.
    missing: list[str] = field(default_factory=list)

    @property
    def roots(self) -> dict[str, Path]:
        """The tool roots, which are in the cache or will be."""
        return {arch: kernel.root for arch, (_, kernel) in self.locked.items()}

    @property
    def kernels(self) -> dict[str, InstalledKernel]:
        """The kernels that are in the cache."""
        return {arch: kernel for arch, (_, kernel) in self.locked.items() if arch not in self.missing}

    def size(self, cache: Cache) -> int:
        """Return the bytes of packages that must be fetched."""
        wanted = [package for arch in self.missing for package in _packages(self.locked[arch])]
        return sum(package.size for package in packages.missing(cache.root, wanted))


def contents(cache: Cache, kernel: Kernel, arches: Iterable[str], valid: Callable[[Resolution], bool]) -> Contents:
    """Return what is known and there. `valid` says whether a refusal is new enough to count. Raises SetupError."""
    found, earlier = Contents(), resolutions(cache, kernel)
    for arch in arches:
        tools, release = tool_root.part(cache, arch), kernels.locked(cache, kernel, arch)
        if arch not in kernel.flavours:
            found.refused[arch] = f"there is no kernel {kernel.name} for {arch}"
        elif tools and release:
            installed = kernels.installed_kernel(tool_root.path_of(cache, tools), kernel, arch, release)
            found.locked[arch] = tools, installed
            if not installed.image.exists():
                found.missing.append(arch)
        elif not release and (said := earlier.get(architectures()[arch].packages_of)) and said.reason and valid(said):
            found.refused[arch] = f"kernel {kernel.name} does not resolve for {arch}: {said.refusal()}"
        else:
            found.unknown.append(arch)
    return found


def _packages(locked: tuple[Part, InstalledKernel]) -> list[Package]:
    """Return what every guest needs. Only those over SSH need more of a kernel than its image."""
    tools, kernel = locked
    every = (*tools.packages, *kernel.release.packages)
    return [one for one in every if not one.name.startswith("linux-modules-")]


def needed(cache: Cache, some: Iterable[Kernel], arches: Sequence[str]) -> list[Package]:
    """Return every package for guests of these kernels that is in the cache, also what only SSH and shells need."""
    found: list[Part | None] = []
    for arch in arches:
        wanted = [parts.kernel(one, arch) for one in some if arch in one.flavours]
        wanted += [parts.ssh(arch), parts.shell(arch)]
        found += [tool_root.part(cache, arch), *(tool_root.locked(cache, one) for one in wanted)]
    every = (package for part in found if part for package in part.packages)
    return [package for package in every if packages.folder(cache.root, package).is_dir()]


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
    wait: bool = True,
    sandbox: Callable[[Path], Sandbox] = choose,
) -> Images:
    """Return the images for these architectures, as far as they are available. What is missing is fetched first.

    `offline` uses only the cache, `update` resolves everything live, `again` asks apt also for what it refused
    recently. Without `wait`, this returns while files are fetched, and `Images.ready` waits. `sandbox` gives the
    sandbox of a tool root. Boot images are checked before a boot (`kernels.verify`). Raises SetupError.
    """
    cache.sweep()
    if kernel.own:
        return _of_own_kernel(cache, kernel, arches, offline=offline, sandbox=sandbox)
    found = contents(cache, kernel, arches, lambda known: offline or (not again and known.is_recent()))
    absent = [arch for arch in found.missing if packages.missing(cache.root, _packages(found.locked[arch]))]
    if (absent or found.unknown) and offline:
        raise SetupError(
            f"the tools or kernel {kernel.name} for {', '.join([*absent, *found.unknown])} are not in the cache, and "
            "--offline forbids fetching them",
            hint=f"lazymmu setup --kernel {kernel.name}   (once, with a network)",
        )
    if found.missing or found.unknown:
        # Before anything is fetched: a host without a cache or a sandbox is told at once.
        with disk.explained(cache.root, hint=FOLDER_HINT):
            cache.root.mkdir(parents=True, exist_ok=True)
        sandbox(cache.root / "roots" / "none")
    if found.unknown or update:
        from lazymmu.provision import live

        asked = [arch for arch in arches if arch in kernel.flavours] if update else found.unknown
        cache.tools.in_thread(lambda: live.take_kernel(cache, kernel, asked, update=update))
        found = contents(cache, kernel, arches, lambda _: True)
        if found.unknown:
            raise SetupError(f"kernel {kernel.name} is not resolved: {', '.join(found.unknown)}")
    images = Images(cache, {}, {}, refused=found.refused, name=kernel.name)
    for arch, (tools, installed) in found.locked.items():
        images.add(arch, tools, installed, sandbox)
    if found.missing:
        missing = {arch: found.locked[arch] for arch in found.missing}
        images = replace(images, ready=_fetched(images, kernel, missing, sandbox))
        if wait:
            cache.tools.in_thread(images.all_ready)
    return images


def obtain_tools(cache: Cache, wanted: Sequence[Request], *, offline: bool) -> None:
    """Fetch and unpack parts that are tools, as far as the cache lacks them. Raises SetupError."""
    known = [tool_root.locked(cache, one) for one in wanted]
    if None in known or packages.missing(cache.root, (package for part in known if part for package in part.packages)):
        from lazymmu.provision import live

        live.obtain(cache, wanted, "tools", offline=offline)


def _of_own_kernel(
    cache: Cache, kernel: Kernel, arches: Sequence[str], *, offline: bool, sandbox: Callable[[Path], Sandbox]
) -> Images:
    """Return the images of a kernel that a path names, after fetching the tools. Raises SetupError."""
    refused = {arch: f"{kernel.name} is not built for {arch}" for arch in arches if arch not in kernel.own}
    images = Images(cache, {}, {}, refused=refused, name=kernel.name)
    there = [arch for arch in arches if arch in kernel.own]
    obtain_tools(cache, [parts.host_tools(), *map(parts.tools, there)], offline=offline)
    for arch in there:
        tools = tool_root.part(cache, arch)
        if tools is None:
            raise SetupError(f"the tools for {arch} are not resolved")
        root = tool_root.assemble(cache, tools)
        images.add(arch, tools, kernels.install_own(cache, root, kernel.name, kernel.own[arch]), sandbox)
        images.sandboxes[arch].equip()
    return images


def _fetched(
    images: Images,
    kernel: Kernel,
    missing: Mapping[str, tuple[Part, InstalledKernel]],
    sandbox: Callable[[Path], Sandbox],
) -> Callable[[str], None]:
    """Start to fetch what is missing. Returns the function that waits for one architecture, and puts it together."""
    # Most runs have everything, and http takes a while to load.
    from lazymmu.provision import live
    from lazymmu.provision.download import NotFetchedError

    cache = images.cache
    every = [part for tools, installed in missing.values() for part in (tools, installed.release)]
    fetching = Fetching(cache.root, every, ", ".join(missing), cache.progress, cache.tools.stopped)

    def ready(arch: str) -> None:
        if arch not in missing:
            return
        tools, installed = missing[arch]
        try:
            fetching.wait(_packages(missing[arch]))
        except NotFetchedError as error:
            live.fall_back(cache, error, [parts.host_tools(), parts.tools(arch), parts.kernel(kernel, arch)])
            tools, installed = contents(cache, kernel, [arch], lambda _: True).locked[arch]
            images.add(arch, tools, installed, sandbox)
        tool_root.assemble(cache, tools)
        kernels.install(cache, installed, arch)
        images.sandboxes[arch].equip()

    return ready
