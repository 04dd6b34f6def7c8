# SPDX-License-Identifier: GPL-2.0-only
"""The part of the initramfs that makes a guest reachable over SSH: a server with its libraries, and a network driver.

All of it comes from Debian's packages, fetched when a guest needs it. It holds no keys, and must never: the cache can
be shared.
"""

import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import zstandard

from lazymmu.architecture import Architecture, architectures
from lazymmu.provision import builds, catalogue, cpio, tool_root
from lazymmu.provision.cache import Cache, digest, whole
from lazymmu.provision.debian import Apt, unpack, with_lists
from lazymmu.provision.kernels import IMAGES, InstalledKernel, Release
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
    key = digest([_VERSION, tool_root.SUITE, PACKAGE, _PROGRAM, _DRIVER, release.version])
    return root / "lazymmu" / "remote" / f"{arch}-{release.release}-{key}.cpio"


def obtain(cache: Cache, kernels: Mapping[str, InstalledKernel], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's archive with server and driver for its kernel, fetched first if it is missing.

    Raises SetupError, with `offline` also if something would have to be fetched.
    """
    paths = {arch: parts_path(tool_root.path(cache, arch), arch, kernel) for arch, kernel in kernels.items()}
    if not all(map(whole, paths.values())):
        if offline:
            raise SetupError(
                f"the {_WHAT} ({', '.join(kernels)}) is not in the cache, and --offline forbids fetching it",
                hint="lazymmu setup --transport ssh   (once, with a network)",
            )
        cache.tools.in_thread(lambda: _fetch(cache, paths, kernels))
    return paths


def _fetch(cache: Cache, paths: Mapping[str, Path], kernels: Mapping[str, InstalledKernel]) -> None:
    store = next(iter(paths.values())).parent / "parts"
    with cache.locked(store, _WHAT):
        missing = [arch for arch in kernels if not whole(paths[arch])]
        if not missing:
            return
        with (
            cache.progress.step(f"{_WHAT} ({', '.join(missing)})", "about 120 MB to fetch, 20 to 60 s"),
            cache.building(store, _WHAT, needs=_NEEDS) as folder,
        ):
            # A kernel may come from another suite than the server.
            for suite in {tool_root.SUITE, *(_suite(kernels[arch]) for arch in missing)}:

                def work(apt: Apt, files: Path) -> list[tuple[str, Path]]:
                    return [
                        (arch, deb) for arch in missing for deb in _fetch_one(apt, files / arch, arch, kernels[arch])
                    ]

                for arch, deb in with_lists(cache, folder / suite, suite, tool_root.debian_names(missing), work):
                    unpack(cache.tools, deb, folder / arch)
                    deb.unlink()
            for arch in missing:
                tree = folder / arch

                def build(target: Path, tree: Path = tree) -> None:
                    target.write_bytes(cpio.archive(_parts(tree)))

                cache.obtain(paths[arch], f"SSH server for {arch}", build)


def _suite(kernel: InstalledKernel) -> str:
    return catalogue.kernel(kernel.name).suite


def _fetch_one(apt: Apt, files: Path, arch: str, kernel: InstalledKernel) -> Sequence[Path]:
    """Fetch the packages that one suite has for one architecture."""
    packages = []
    if apt.suite == tool_root.SUITE:
        packages += apt.needed(f"{PACKAGE}:{architectures()[arch].debian}")
    if apt.suite == _suite(kernel):
        packages += with_modules(kernel.release)
    return apt.download(packages, files) if packages else []


def with_modules(release: Release) -> list[str]:
    """Return the packages with a kernel's boot image, its own modules, and the list of what is built in."""
    image = next(package for package in release.packages if package.startswith(IMAGES))
    # Since Linux 7 the modules have a package of their own.
    modules = image.replace(IMAGES[1], "linux-modules-", 1)
    return list(dict.fromkeys([image, modules]))


def _parts(tree: Path) -> Iterator[cpio.Entry]:
    """Yield the files for a guest from an unpacked server and kernel."""
    server = tree / _PROGRAM
    if not server.is_file():
        raise SetupError(f"{PACKAGE} holds no {_PROGRAM}: its packaging has changed")
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
    for number, image in enumerate(kernel_modules(tree, _DRIVER).values()):
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


def _module_name(path: Path) -> str:
    # The kernel treats both letters as the same (Linux: man 8 modprobe).
    return path.name.partition(".ko")[0].replace("-", "_")


def _depends(image: bytes) -> list[str]:
    """Return the modules that a module depends on (`depends=` of its .modinfo)."""
    from elftools.elf.elffile import ELFFile

    section = ELFFile(BytesIO(image)).get_section_by_name(".modinfo")
    facts = section.data().split(b"\0") if section is not None else []
    value = next((fact.removeprefix(b"depends=").decode() for fact in facts if fact.startswith(b"depends=")), "")
    return [name for name in value.split(",") if name]


def kernel_modules(tree: Path, wanted: str) -> dict[str, bytes]:
    """Return name -> object file of the module `wanted` and of all that it depends on, in the order of loading.

    `tree` holds an unpacked kernel package. What is built in needs no module. Raises SetupError.
    """
    files = {_module_name(path): path for path in tree.rglob("*.ko*")}
    built_in = {
        _module_name(Path(line))
        for listing in tree.rglob("modules.builtin")
        for line in listing.read_text().splitlines()
    }
    found: dict[str, bytes] = {}

    def add(name: str) -> Iterator[str]:
        """Add a module after those that it depends on, and yield each that is missing."""
        name = name.replace("-", "_")
        if name in found or name in built_in:
            return
        if name not in files:
            yield name
            return
        path = files[name]
        try:
            image = _FORMS[path.name[path.name.index(".ko") :]](path.read_bytes())
        except (KeyError, ValueError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise SetupError(f"{path.name} in the kernel's package cannot be unpacked: {error!r}") from error
        for other in _depends(image):
            yield from add(other)
        found[name] = image

    missing = dict.fromkeys(add(wanted))
    if missing:
        raise SetupError(f"the kernel's package has no module {', '.join(missing)}, which {wanted} needs")
    return found


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
    return cache.obtain(target, f"guest archive with SSH for {architecture.name}", build, needs=_ARCHIVE_NEEDS)
