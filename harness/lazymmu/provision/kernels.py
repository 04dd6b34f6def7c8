# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from Debian's packages: locked versions, what apt last said, and the kernels in the tool roots.

What apt refused is remembered, so that a run does not ask the network again and again for what a mirror does not have.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard
from msgspec import DecodeError, Struct, json

from lazymmu.architecture import architectures
from lazymmu.provision import packages, parts, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.checksum import entry_damage
from lazymmu.provision.lock import Part
from lazymmu.support.errors import SetupError

if TYPE_CHECKING:
    from lazymmu.provision.own_kernels import BuiltKernel

#: Start of the name of the package with the boot image: up to Linux 6, and since 7.
IMAGES = ("linux-image-", "linux-binary-")
#: Start of the names of the packages with modules, which only SSH needs: until Linux 7 the image's.
MODULES = (*IMAGES, "linux-modules-")
# What a user-built kernel has built in for guests over SSH.
_NETWORK = ("INET", "UNIX98_PTYS", "VIRTIO_NET")
# Of a kernel with KUnit: its suites can be run, and do not run at the boot, where the kernel may have hundreds.
_KUNIT = ("kunit.enable=1", "kunit.autorun=0")
_ELF = b"\x7fELF"
# The kernel's own word for the nested API (Linux: arch/Kconfig).
_NATIVE = re.compile(r"^CONFIG_ARCH_HAS_LAZY_MMU_MODE=y$", re.MULTILINE)
# How long a refusal counts. A mirror is out of step for hours.
_RECENT = timedelta(days=1)


class Resolution(Struct, frozen=True):
    """What apt said about a kernel for one architecture: a release, or a reason."""

    #: When apt was asked, in UTC.
    asked: datetime
    #: As in `Part`; empty if the kernel does not resolve.
    release: str = ""
    version: str = ""
    #: Why it does not resolve, in apt's words; empty if it does.
    reason: str = ""

    @classmethod
    def of(cls, asked: datetime, found: Part | str) -> "Resolution":
        """Return what apt said: a part, or why it refused one."""
        return cls(asked, reason=found) if isinstance(found, str) else cls(asked, found.release, found.version)

    def refusal(self) -> str:
        """Return the reason with its time."""
        return f"{self.reason} (asked {self.asked:%Y-%m-%d %H:%M} UTC)"

    def is_recent(self) -> bool:
        """Return whether apt need not be asked again."""
        return timedelta() <= now() - self.asked < _RECENT

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        asked = self.asked.isoformat(timespec="seconds")
        return {"asked": asked, "release": self.release, "version": self.version, "reason": self.reason}


class InstalledKernel(Struct, frozen=True):
    """A kernel in a tool root, ready to boot and to build modules for."""

    name: str
    release: Part
    #: The boot image.
    image: Path
    #: Folder of its headers, as programs in the tool root see it.
    headers: str
    #: For a user-built kernel: a key of its build, and the host's folders that a module is built with.
    identity: str = ""
    folders: tuple[Path, ...] = ()
    #: What it lacks of the options for a network, which only guests over SSH have.
    without_network: tuple[str, ...] = ()
    #: What it needs on its command line.
    arguments: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The tool root."""
        return self.image.parents[2]

    @property
    def version(self) -> str:
        """The version of its packages, or the key of its build."""
        return self.identity or self.release.version


class KernelEntry(Struct, frozen=True):
    """What is known about a kernel for one architecture."""

    kernel: Kernel
    arch: str
    #: The version that runs use; None if none is locked.
    locked: Part | None
    #: Whether it is in the cache.
    cached: bool
    #: What apt last said; None if it was not asked.
    resolution: Resolution | None
    #: Whether the kernel has the nested API, and what says so: its headers, or our catalogue.
    native: bool
    native_from: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        known = self.locked or self.resolution
        return {
            "kernel": self.kernel.name,
            "title": self.kernel.title,
            "suite": self.kernel.suite,
            "arch": self.arch,
            "release": (known.release or None) if known else None,
            "version": (known.version or None) if known else None,
            "locked": self.locked is not None,
            "cached": self.cached,
            "native": self.native,
            "native_from": self.native_from,
            "answer": self.resolution.to_json() if self.resolution else None,
        }


def now() -> datetime:
    """Return the time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _resolutions_file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}.resolutions"


def locked(cache: Cache, kernel: Kernel, arch: str) -> Part | None:
    """Return the version that a kernel is locked to on an architecture, None if there is none. Raises SetupError."""
    return tool_root.locked(cache, parts.kernel(kernel, arch)) if arch in kernel.flavours else None


def resolutions(cache: Cache, kernel: Kernel) -> dict[str, Resolution]:
    """Return what apt last said, by architecture; nothing if the file cannot be read."""
    try:
        return json.decode(_resolutions_file(cache, kernel).read_bytes(), type=dict[str, Resolution])
    except (OSError, DecodeError):
        return {}


def remember(cache: Cache, kernel: Kernel, new: Mapping[str, Resolution]) -> None:
    """Keep what apt said, with what it said earlier about other architectures."""
    file = _resolutions_file(cache, kernel)
    with cache.building(file, f"what apt said about kernel {kernel.name}") as folder:
        (folder / file.name).write_bytes(json.format(json.encode({**resolutions(cache, kernel), **new})) + b"\n")
        (folder / file.name).replace(file)


def installed_kernel(root: Path, kernel: Kernel, arch: str, release: Part) -> InstalledKernel:
    """Return the kernel as it is or will be in a tool root; `InstalledKernel.image` exists if it is there."""
    # The suffix tells the form of the boot image.
    image = f"{release.release}_{release.version}.{architectures()[arch].boot_image}"
    headers = f"/usr/src/linux-headers-{release.release}"
    return InstalledKernel(kernel.name, release, root / "lazymmu" / "kernels" / image, headers)


def install_own(cache: Cache, root: Path, name: str, built: "BuiltKernel") -> InstalledKernel:
    """Return a user-built kernel, whose boot image is copied into a tool root. Raises SetupError."""
    architecture, identity = architectures()[built.arch], built.identity()
    release = Part(suite="", resolved="", names=(), packages=(), release=built.release)
    image = root / "lazymmu" / "own" / f"{built.release}_{identity}.{architecture.boot_image}"

    def build(target: Path) -> None:
        content = built.image.read_bytes()
        if architecture.boot_image == "vmlinux":
            content = _loaded(content if content.startswith(_ELF) else _vmlinux(content))
        target.write_bytes(content)

    cache.obtain(image, f"kernel {built.release}", build)
    lacks = tuple(option for option in _NETWORK if built.config.get(option) != "y")
    arguments = _KUNIT if built.config.get("KUNIT") == "y" else ()
    return InstalledKernel(name, release, image, str(built.folder), identity, built.folders, lacks, arguments)


def install(cache: Cache, kernel: InstalledKernel, arch: str) -> None:
    """Put an unpacked kernel into its tool root."""
    store, what, release = kernel.root / "lazymmu" / "unpacked", "kernels in the tool root", kernel.release
    with cache.locked(store, what), cache.building(store, what) as partial:
        tool_root.link(cache, (one for one in release.packages if not one.name.startswith(MODULES)), partial)
        # Folders are renamed, so that a killed set-up leaves none half filled.
        for parent in ("usr/src", "usr/lib"):
            for entry in sorted((partial / parent).iterdir()):
                target = kernel.root / parent / entry.name
                if not target.exists() and entry.name.startswith("linux-"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    entry.rename(target)

    def build(target: Path) -> None:
        image = next(package for package in release.packages if package.name.startswith(IMAGES))
        target.write_bytes(_boot_image(packages.folder(cache.root, image), architectures()[arch].boot_image))

    cache.obtain(kernel.image, f"kernel {release.release}", build)


def _boot_image(package: Path, form: str) -> bytes:
    """Return the boot image of an unpacked package in a form (`Architecture.boot_image`). Raises SetupError."""
    # deb.py unpacks nothing else.
    path = next(package.rglob("vmlinu[xz]*"), None)
    if path is None:
        raise SetupError(f"the kernel's package holds no boot image: {package}")
    return _vmlinux(path.read_bytes()) if form == "vmlinux" else path.read_bytes()


def _vmlinux(image: bytes) -> bytes:
    """Return the ELF file inside an x86 bzImage (kernel: arch/x86/boot.rst, payload_offset and payload_length)."""
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    try:
        # The last four bytes of the payload are the unpacked size.
        return zstandard.ZstdDecompressor().decompressobj().decompress(image[start : start + length - 4])
    except zstandard.ZstdError as error:
        raise SetupError(f"the payload of the kernel image is not zstd: {error}") from error


def _loaded(image: bytes) -> bytes:
    """Return an ELF file without what is not loaded (man 5 elf), most of which is debug information."""
    table, size, count = struct.unpack_from("<Q", image, 0x20)[0], *struct.unpack_from("<HH", image, 0x36)
    segments = (struct.unpack_from("<QQQQ", image, table + number * size + 8) for number in range(count))
    end = max((offset + length for offset, _, _, length in segments), default=len(image))
    head = bytearray(image[:end])
    # It has no sections any more.
    struct.pack_into("<Q", head, 0x28, 0)
    struct.pack_into("<HHH", head, 0x3A, 0, 0, 0)
    return bytes(head)


def verify(kernel: InstalledKernel) -> None:
    """Raise SetupError if the boot image is not as it was unpacked."""
    wrong = entry_damage(kernel.image)
    if wrong:
        raise SetupError(f"the boot image {kernel.image} {wrong}", hint=f"rm {kernel.image} && lazymmu setup")


def has_native(installed: InstalledKernel) -> bool | None:
    """Return whether a kernel's unpacked headers say that it has the nested API; None if they are missing."""
    try:
        config = (installed.root / installed.headers.lstrip("/") / "include/config/auto.conf").read_text(
            encoding="utf-8"
        )
    except OSError:
        return None
    return bool(_NATIVE.search(config))


def common_headers(installed: InstalledKernel) -> Path:
    """Return the folder with the headers that all architectures share (package linux-headers-*-common)."""
    names = (package.name for package in installed.release.packages)
    return installed.root / "usr/src" / next(name for name in names if name.endswith("-common"))


def headers_package(cache: Cache, release: Part) -> tuple[Part, Path]:
    """Return a kernel's part with only the package of `common_headers`, and where that folder is or will be."""
    package = next(one for one in release.packages if one.name.endswith("-common"))
    return release._replace(packages=(package,)), packages.folder(cache.root, package) / "usr/src" / package.name


def entries(cache: Cache, kernel: Kernel) -> Iterator[KernelEntry]:
    """Yield what is known for each of a kernel's architectures. Raises SetupError for a damaged lock file."""
    known = resolutions(cache, kernel)
    for arch in kernel.flavours:
        release, tools, there, told = locked(cache, kernel, arch), tool_root.part(cache, arch), False, None
        if release and tools:
            installed = installed_kernel(tool_root.path_of(cache, tools), kernel, arch, release)
            there = installed.image.exists()
            told = has_native(installed) if there else None
        native, native_from = (arch in kernel.native, "catalogue") if told is None else (told, "headers")
        yield KernelEntry(
            kernel, arch, release, there, known.get(architectures()[arch].packages_of), native, native_from
        )
