# SPDX-License-Identifier: GPL-2.0-only
"""What a guest that is reached over SSH has beside its agent: the server with its libraries, and a network driver.

All of it comes from Debian's packages, fetched when a guest needs it. No key is in it, and none may ever be: the cache
can be shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from lazymmu.architecture import Architecture, architectures
from lazymmu.provision import builds, cpio, kernel_modules, tool_root
from lazymmu.provision.cache import Cache, digest, whole
from lazymmu.provision.catalogue import kernel as catalogue_kernel
from lazymmu.provision.debian import Apt, unpack, with_lists
from lazymmu.provision.kernels import InstalledKernel, with_modules
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import SetupError

# Raise it when the way in which it is put together changes.
_VERSION = "1"
# Bytes on disk while it is fetched: package lists, kernels' packages of all architectures, what is unpacked from them.
_NEEDS = 1_500_000_000
_ARCHIVE_NEEDS = 16_000_000
_WHAT = "SSH server and network driver for guests"
#: Debian's package with the server, and the server's path in it and in the guest.
PACKAGE = "dropbear-bin"
_PROGRAM = "usr/sbin/dropbear"
# The kernel module that drives the network card.
_DRIVER = "virtio_net"
# Root's login shell: the agent itself (guest/agent/agent.c), for which no shell has to start.
_ACCOUNT = b"root:*:0:0:root:/root:/bin/sh\n"


def parts_path(root: Path, arch: str, kernel: InstalledKernel) -> Path:
    """Return where the archive with server and driver for one kernel stands once it is fetched."""
    release = kernel.release
    key = digest([_VERSION, tool_root.SUITE, PACKAGE, _PROGRAM, _DRIVER, release.version])
    return root / "lazymmu" / "remote" / f"{arch}-{release.release}-{key}.cpio"


def obtain(cache: Cache, kernels: Mapping[str, InstalledKernel], *, offline: bool = False) -> dict[str, Path]:
    """Return architecture -> the archive with server and driver for its kernel, fetched first where one is not there.

    Raises SetupError, with `offline` also for what would have to be fetched.
    """
    paths = {arch: parts_path(tool_root.path(cache, arch), arch, kernel) for arch, kernel in kernels.items()}
    if not all(whole(path) for path in paths.values()):
        if offline:
            raise SetupError(
                f"the {_WHAT} ({', '.join(kernels)}) is not in the cache, and --offline forbids to fetch it",
                hint="lazymmu setup --transport ssh   (once, with a network)",
            )
        # In a thread of its own, for an interrupt comes to the main thread: there it could fall between any two steps.
        with ThreadPoolExecutor(max_workers=1) as pool, cache.tools.stopped_by_interrupt():
            pool.submit(_fetch, cache, paths, kernels).result()
    return paths


def _fetch(cache: Cache, paths: Mapping[str, Path], kernels: Mapping[str, InstalledKernel]) -> None:
    store = next(iter(paths.values())).parent / "parts"
    with cache.locked(store, _WHAT):
        lacking = [arch for arch in kernels if not whole(paths[arch])]
        if not lacking:
            return
        with (
            cache.progress.step(f"{_WHAT} ({', '.join(lacking)})", "about 120 MB to fetch, 20 to 60 s"),
            cache.building(store, _WHAT, needs=_NEEDS) as folder,
        ):
            wanted = tool_root.debian_names(lacking)
            # A kernel may be of another suite than the server.
            suites = {tool_root.SUITE, *(catalogue_kernel(kernels[arch].name).suite for arch in lacking)}
            for suite in suites:
                work = partial(_debs, kernels=kernels, arches=lacking)
                for arch, deb in with_lists(cache, folder / suite, suite, wanted, work):
                    unpack(cache.tools, deb, folder / arch)
                    deb.unlink()
            for arch in lacking:
                tree = folder / arch

                def build(target: Path, tree: Path = tree) -> None:
                    target.write_bytes(cpio.archive(_parts(tree)))

                cache.obtain(paths[arch], f"SSH server for {arch}", build)


def _debs(
    apt: Apt, files: Path, *, kernels: Mapping[str, InstalledKernel], arches: Sequence[str]
) -> list[tuple[str, Path]]:
    """Fetch what one suite has for these architectures; return each package's file with its architecture."""
    found = []
    for arch in arches:
        packages = []
        if apt.suite == tool_root.SUITE:
            packages += apt.needed(f"{PACKAGE}:{architectures()[arch].debian}")
        if apt.suite == catalogue_kernel(kernels[arch].name).suite:
            packages += with_modules(kernels[arch].release)
        if packages:
            found += [(arch, deb) for deb in apt.download(packages, files / arch)]
    return found


def _parts(tree: Path) -> Iterator[cpio.Entry]:
    """Yield what an unpacked server and kernel give to a guest."""
    server = tree / _PROGRAM
    if not server.is_file():
        raise SetupError(f"{PACKAGE} holds no {_PROGRAM}: its packaging has changed")
    loader, libraries = _linked(tree, server)
    folders = {str(parent) for name in (_PROGRAM, loader) for parent in Path(name).parents} - {"."}
    folders |= {"bin", "etc", "lib", "network"}
    yield from (cpio.directory(name) for name in sorted(folders))
    # The server takes no keys from a folder that others could write.
    yield cpio.directory("root", 0o700)
    yield cpio.file("etc/passwd", _ACCOUNT)
    yield cpio.link("bin/sh", "/init")
    yield cpio.link("bin/lazymmu-agent", "/init")
    yield cpio.program(_PROGRAM, server.read_bytes())
    yield cpio.program(loader, _library(tree, Path(loader).name).read_bytes())
    yield from (cpio.program(f"lib/{name}", path.read_bytes()) for name, path in libraries.items())
    # The agent loads them in the order of their names.
    for number, image in enumerate(kernel_modules.modules(tree, _DRIVER).values()):
        yield cpio.file(f"network/{number:02}.ko", image)


def _library(tree: Path, name: str) -> Path:
    """Return a shared library of the packages, by the name that programs are linked with."""
    found = next((path for path in sorted(tree.rglob(name)) if path.is_file()), None)
    if found is None:
        raise SetupError(f"the packages hold no {name}, with which the SSH server is linked")
    return found


def _linked(tree: Path, program: Path) -> tuple[str, dict[str, Path]]:
    """Return the loader that a program asks for (without the first `/`), and the libraries that it is linked with."""
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    libraries: dict[str, Path] = {}
    loader = ""
    waiting = [program]
    while waiting:
        with waiting.pop().open("rb") as file:
            elf = ELFFile(file)
            if not loader:
                segments = (segment for segment in elf.iter_segments() if isinstance(segment, InterpSegment))
                loader = next((segment.get_interp_name() for segment in segments), "")
            table = elf.get_section_by_name(".dynamic")
            tags = table.iter_tags("DT_NEEDED") if isinstance(table, DynamicSection) else ()
            # pyelftools gives a tag that names something an attribute for it, of which its types do not know.
            needed = [str(getattr(tag, "needed")) for tag in tags]  # noqa: B009
        for name in needed:
            if name not in libraries and name != Path(loader).name:
                libraries[name] = _library(tree, name)
                waiting.append(libraries[name])
    if not loader:
        raise SetupError(f"{program.name} names no loader: its packaging has changed")
    return loader.lstrip("/"), libraries


def archive_path(sandbox: Sandbox, architecture: Architecture, parts: Path) -> Path:
    """Return where the initramfs of a guest that is reached over SSH stands once it is made."""
    key = digest([builds.archive_path(sandbox, architecture).name, parts.name])
    return sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"


def archive(cache: Cache, sandbox: Sandbox, architecture: Architecture, parts: Path) -> Path:
    """Return the initramfs of a guest that is reached over SSH: the agent's, and behind it server and driver."""

    def build(target: Path) -> None:
        # The kernel unpacks one archive after the other (kernel: driver-api/early-userspace/buffer-format).
        target.write_bytes(builds.archive(cache, sandbox, architecture).read_bytes() + parts.read_bytes())

    target = archive_path(sandbox, architecture, parts)
    return cache.obtain(target, f"guest archive with SSH for {architecture.name}", build, needs=_ARCHIVE_NEEDS)
