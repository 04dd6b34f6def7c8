# SPDX-License-Identifier: GPL-2.0-only
"""The part of the initramfs that makes a guest reachable over SSH: a server with its libraries, and a network driver.

All of it comes from Debian's packages. It holds no keys, and must never: the cache can be shared.
"""

import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import zstandard

from lazymmu.architecture import Architecture
from lazymmu.provision import builds, cpio, live, packages, parts, tool_root
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.kernel_modules import NETWORK_MODULES
from lazymmu.provision.kernels import MODULES, InstalledKernel
from lazymmu.provision.keys import digest
from lazymmu.provision.lock import Package
from lazymmu.provision.packages import Fetching
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import SetupError, UsageError

# Raise it when the way in which it is put together changes.
_VERSION = "1"
_WHAT = "SSH server and network driver for guests"
# The server's path in its package and in the guest.
_PROGRAM = "usr/sbin/dropbear"
# Root's login shell is the agent itself (guest/agent/agent.c), so no shell has to start.
_ACCOUNT = b"root:*:0:0:root:/root:/bin/sh\n"
# Suffix -> how to unpack such a file. zstd's one call needs a size in the frame; the kernel's files may lack it.
_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    ".ko": bytes,
    ".ko.xz": lzma.decompress,
    ".ko.zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def parts_path(root: Path, arch: str, kernel: InstalledKernel) -> Path:
    """Return where the archive with server and driver for one kernel is or will be."""
    release = kernel.release
    key = digest([_VERSION, parts.SUITE, parts.SSH_PACKAGE, _PROGRAM, NETWORK_MODULES[-1], kernel.version])
    return root / "lazymmu" / "remote" / f"{arch}-{release.release}-{key}.cpio"


def obtain(cache: Cache, kernels: Mapping[str, InstalledKernel], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's archive with server and driver, fetched first unless `offline`. Raises SetupError."""
    paths = {arch: parts_path(kernel.root, arch, kernel) for arch, kernel in kernels.items()}
    for kernel in kernels.values():
        if kernel.without_network:
            options = ", ".join(f"CONFIG_{option}=y" for option in kernel.without_network)
            raise UsageError(f"--transport ssh: the kernel {kernel.name} has no {options}")
    missing = [arch for arch, path in paths.items() if not whole(path)]
    if missing and offline:
        raise SetupError(
            f"the {_WHAT} ({', '.join(kernels)}) is not in the cache, and --offline forbids fetching it",
            hint="lazymmu setup --transport ssh   (once, with a network)",
        )
    if missing:
        cache.tools.in_thread(lambda: _make(cache, {arch: paths[arch] for arch in missing}, kernels))
    return paths


def _make(cache: Cache, paths: Mapping[str, Path], kernels: Mapping[str, InstalledKernel]) -> None:
    servers = live.obtain(cache, [parts.ssh(arch) for arch in paths], _WHAT)
    for arch, path in paths.items():
        kernel = kernels[arch].release
        # Since Linux 7 the modules have a package of their own.
        drivers = tuple(packages.with_modules(one) for one in kernel.packages if one.name.startswith(MODULES))
        part = kernel._replace(packages=drivers)
        Fetching(cache.root, [part], f"{arch}'s driver", cache.progress, cache.tools.stopped).wait(drivers)
        wanted = [*servers[parts.ssh(arch)].packages, *drivers]

        def build(target: Path, wanted: Sequence[Package] = wanted, *, with_drivers: bool = bool(drivers)) -> None:
            tree = target.parent / "tree"
            tree.mkdir()
            tool_root.link(cache, wanted, tree)
            target.write_bytes(cpio.archive(_parts(tree, with_drivers=with_drivers)))

        cache.obtain(path, f"SSH server for {arch}", build, needs=builds.NEEDS)


def _parts(tree: Path, *, with_drivers: bool) -> Iterator[cpio.Entry]:
    """Yield the files for a guest from an unpacked server and kernel. A user-built one has its drivers built in."""
    server = tree / _PROGRAM
    if not server.is_file():
        raise SetupError(f"{parts.SSH_PACKAGE} holds no {_PROGRAM}: its packaging has changed")
    loader, libraries = _linked(tree, server)
    folders = {str(parent) for name in (_PROGRAM, loader) for parent in Path(name).parents} - {"."}
    folders |= {"bin", "etc", "lib", "network"}
    yield from (cpio.directory(name) for name in sorted(folders))
    # The server ignores keys in a folder that others could write.
    yield cpio.directory("root", 0o700)
    yield cpio.file("etc/passwd", _ACCOUNT)
    yield cpio.link("bin/sh", "/init")
    yield cpio.link("bin/lazymmu-agent", "/init")
    yield cpio.program(_PROGRAM, server.read_bytes())
    yield cpio.program(loader, _library(tree, Path(loader).name).read_bytes())
    yield from (cpio.program(f"lib/{name}", path.read_bytes()) for name, path in libraries.items())
    # The agent loads them in the order of their names.
    for number, image in enumerate(drivers(tree) if with_drivers else ()):
        yield cpio.file(f"network/{number:02}.ko", image)


def _library(tree: Path, name: str) -> Path:
    """Return a shared library of the packages. Raises SetupError if they have none of that name."""
    found = next((path for path in sorted(tree.rglob(name)) if path.is_file()), None)
    if found is None:
        raise SetupError(f"the packages hold no {name}, with which the SSH server is linked")
    return found


def _linked(tree: Path, program: Path) -> tuple[str, dict[str, Path]]:
    """Return the loader of a program (without the first `/`), and its libraries."""
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
            # pyelftools gives a tag an attribute for the name that it holds; its types do not know it.
            needed = [str(getattr(tag, "needed")) for tag in tags]  # noqa: B009
        for name in needed:
            if name not in libraries and name != Path(loader).name:
                libraries[name] = _library(tree, name)
                waiting.append(libraries[name])
    if not loader:
        raise SetupError(f"{program.name} names no loader: its packaging has changed")
    return loader.lstrip("/"), libraries


def drivers(tree: Path) -> Iterator[bytes]:
    """Yield the kernel modules that drive the network card, in the order of loading. Raises SetupError.

    `tree` holds an unpacked kernel package. What is built in needs no module.
    """
    listings = [listing.read_text().splitlines() for listing in tree.rglob("modules.builtin")]
    built_in = {Path(line).name for lines in listings for line in lines}
    for name in NETWORK_MODULES:
        path = next(tree.rglob(f"{name}.ko*"), None)
        if path is None and f"{name}.ko" in built_in:
            continue
        if path is None:
            raise SetupError(f"the kernel's package has no module {name}, which the network card needs")
        try:
            yield _FORMS[path.name.removeprefix(name)](path.read_bytes())
        except (KeyError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise SetupError(f"{path.name} in the kernel's package cannot be unpacked: {error!r}") from error


def archive_path(sandbox: Sandbox, architecture: Architecture, parts: Path) -> Path:
    """Return where the initramfs of a guest that is reached over SSH is or will be."""
    key = digest([builds.archive_path(sandbox, architecture).name, parts.name])
    return sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"


def archive(cache: Cache, sandbox: Sandbox, architecture: Architecture, parts: Path) -> Path:
    """Return the initramfs of a guest that is reached over SSH: the agent's, then server and driver."""

    def build(target: Path) -> None:
        # The kernel unpacks one archive after the other (kernel: driver-api/early-userspace/buffer-format).
        target.write_bytes(builds.archive(cache, sandbox, architecture).read_bytes() + parts.read_bytes())

    target = archive_path(sandbox, architecture, parts)
    return cache.obtain(target, f"guest archive with SSH for {architecture.name}", build, needs=builds.NEEDS)
