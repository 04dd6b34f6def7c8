# SPDX-License-Identifier: GPL-2.0-only
"""User-built kernels: what `--kernel PATH` names, and whether the harness can run it.

A path names the folder in which a kernel was built (the source tree itself, or kbuild's O=), a boot image in it, the
folder that tuxmake left, or a source tree from which `lazymmu kernel build` made kernels. Nothing here writes there.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import Architecture, architectures
from lazymmu.provision import kernel_config
from lazymmu.provision.keys import default_root, digest
from lazymmu.support.errors import UsageError

#: The first Linux that is supported.
OLDEST = (6, 1)
_VERSION = re.compile(r"^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)?\nEXTRAVERSION = ?(.*)$", re.MULTILINE)
_RELEASE = re.compile(r"(\d+)\.(\d+)\S*")
# What every source tree of Linux has.
_SOURCE = ("Makefile", "include/linux/pgtable.h")
# What a module is built with, and what makes it if it is missing.
_FOR_MODULES = ("Makefile", "Module.symvers", "scripts/mod/modpost", "include/generated/autoconf.h")
_CONFIG, _NAME = ".config", "include/config/kernel.release"
# tuxmake's files, and the word by which its log names the folder of the build.
_TUXMAKE = ("metadata.json", "config")
_FOLDER_OF_BUILD = re.compile(r"\bO=(\S+)")
_IN_MAKEFILE = re.compile(r"^(?:(?:export )?KBUILD_OUTPUT ?= ?(/\S+)|include (/\S+)/Makefile)$", re.MULTILINE)
# All files of a kernel include these: each is older than a boot image that was built after its last change.
_IN_ALL = ("include/linux/pgtable.h", "include/linux/sched.h", "include/linux/mm_types.h")
# The compiler of the tool root is gcc.
_CLANG, _NATIVE = "CC_IS_CLANG", "ARCH_HAS_LAZY_MMU_MODE"
#: The file in a folder of `lazymmu kernel build` that is written at its end.
BUILT = "lazymmu/built"


class BuiltKernel(Struct, frozen=True):
    """One user-built kernel."""

    arch: str
    #: The folder in which it was built, and that of its source; the same if it was built in place.
    folder: Path
    source: Path
    image: Path
    #: As `uname -r` prints it.
    release: str
    config: Mapping[str, str]
    #: The folders that a build of a module reads, by every name that the kernel's makefile has for them.
    folders: tuple[Path, ...]

    @property
    def native(self) -> bool:
        """Whether it has the nested API, and the module can observe it."""
        return self.config.get(_NATIVE) == "y" and not self.lacks_for_native

    @property
    def lacks_for_native(self) -> tuple[str, ...]:
        """The options that it lacks, without which the module cannot observe its nested API; none if it has no API."""
        wanted = architectures()[self.arch].native_options if self.config.get(_NATIVE) == "y" else ()
        return tuple(name for name in wanted if self.config.get(name) != "y")

    def identity(self) -> str:
        """Return a key that differs after each build and each edit of a header. It reads no file (some 50 ms)."""
        srcarch = architectures()[self.arch].kbuild
        tops = [top / below for top in {self.source, self.folder} for below in ("include", f"arch/{srcarch}/include")]
        one_by_one = [self.image, *(self.folder / name for name in (_CONFIG, "Module.symvers"))]
        files = sorted(f"{folder}/{name}" for top in tops for folder, _, names in os.walk(top) for name in names)
        return digest(part for file in (*map(str, one_by_one), *files) for part in _look(file))


def _look(file: str) -> tuple[str, str]:
    # A kernel has thousands of headers, so their names are plain strings.
    status = os.lstat(file)
    return file, f"{status.st_size} {status.st_mtime_ns}"


def of_path(name: str) -> dict[str, BuiltKernel]:
    """Return the kernels that a path names, by architecture: several only for a source tree.

    Raises UsageError with what was looked for.
    """
    path = Path(name).absolute()
    if not path.exists():
        raise UsageError(f"--kernel {name}: there is no such file or folder")
    if path.is_file():
        return _found(name, _of_image(name, path), path)
    if all((path / file).is_file() for file in _TUXMAKE):
        return _found(name, _of_tuxmake(name, path))
    if (path / _CONFIG).is_file():
        return _found(name, path)
    check_source(path, f"--kernel {name}", also=f"{_CONFIG} of a build, {' and '.join(_TUXMAKE)} of tuxmake")
    builds = sorted(last_builds(path).values())
    if not builds:
        raise UsageError(
            f"--kernel {name}: this source tree was not built: it has no {_CONFIG}, and `lazymmu kernel build` has "
            "not built it",
            hint=f"lazymmu kernel build {name} --arch ARCH   (or name the O= folder of a build)",
        )
    return {arch: kernel for folder in builds for arch, kernel in _found(name, folder).items()}


def builds_of(source: Path) -> Path:
    """Return the folder of the cache below which `lazymmu kernel build` builds a source tree."""
    return default_root() / "trees" / f"{source.resolve().name}-{digest([str(source.resolve())])}"


def last_builds(source: Path) -> dict[str, Path]:
    """Return for each architecture the folder in which `lazymmu kernel build` last built a source tree."""
    marks = sorted(builds_of(source).glob(f"*/{BUILT}"), key=lambda mark: mark.stat().st_mtime_ns)
    return {mark.read_text(encoding="utf-8").strip(): mark.parents[1] for mark in marks}


def check_source(path: Path, what: str, also: str = "") -> str:
    """Return the version of a source tree. Raises UsageError if it is not Linux, or too old."""
    lost = [file for file in _SOURCE if not (path / file).is_file()]
    version = None if lost else _VERSION.search((path / "Makefile").read_text(encoding="utf-8", errors="replace"))
    if version is None:
        looked = f"{', '.join(lost)} of a source tree" if lost else "VERSION in its Makefile"
        raise UsageError(f"{what}: {path} is not Linux: there is no {looked}{f', and no {also}' if also else ''}")
    text = f"{version[1]}.{version[2]}.{version[3] or 0}{version[4].strip()}"
    _check_version(text, f"{what}: {path}")
    return text


def _check_version(release: str, what: str) -> None:
    found = _RELEASE.match(release)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise UsageError(f"{what} is Linux {release}; {OLDEST[0]}.{OLDEST[1]} or later is needed")


def _of_image(name: str, image: Path) -> Path:
    """Return the folder in which a boot image was built: the nearest one above it with a configuration."""
    real = image.resolve()
    for folder in real.parents:
        if (folder / _CONFIG).is_file():
            return folder
        if all((folder / file).is_file() for file in _TUXMAKE):
            return _of_tuxmake(name, folder)
    raise UsageError(
        f"--kernel {name}: the module cannot be built for this image: no folder above it is that of its build "
        f"(looked for {_CONFIG})"
    )


def _of_tuxmake(name: str, output: Path) -> Path:
    """Return the folder in which tuxmake built the kernel. Its log has make's command lines."""
    log = output / "build.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    tried = [output / "tmp", *map(Path, reversed(list(dict.fromkeys(_FOLDER_OF_BUILD.findall(text)))))]
    folder = next((one for one in tried if (one / _CONFIG).is_file()), None)
    if folder is None:
        raise UsageError(
            f"--kernel {name}: tuxmake has removed the folder of its build, with which the module is built (looked "
            f"for {_CONFIG} in {', '.join(map(str, tried))})",
            hint="tuxmake --build-dir DIR keeps it",
        )
    if kernel_config.read(output / "config") != kernel_config.read(folder / _CONFIG):
        raise UsageError(f"--kernel {name}: {folder} has since been built with another configuration")
    return folder


def _found(name: str, folder: Path, image: Path | None = None) -> dict[str, BuiltKernel]:
    """Return the kernel that was built in a folder. Raises UsageError if the harness cannot run it."""
    folder, what = folder.resolve(), f"--kernel {name}"
    text = (folder / _CONFIG).read_text(encoding="utf-8", errors="replace")
    config = kernel_config.options(text)
    architecture = _architecture(what, folder, config, text)
    if (folder / BUILT).parent.is_dir() and not (folder / BUILT).is_file():
        raise UsageError(f"{what}: the last `lazymmu kernel build` in {folder} did not finish")
    if not (folder / _NAME).is_file():
        raise UsageError(f"{what}: {folder} is configured and not built: there is no {_NAME}", hint="run make there")
    release = (folder / _NAME).read_text(encoding="utf-8").strip()
    _check_version(release, f"{what}: {folder}")
    lost = [file for file in _FOR_MODULES if not (folder / file).is_file()]
    if lost:
        raise UsageError(
            f"{what}: the module cannot be built: {folder} has no {', '.join(lost)}",
            hint=f"make ARCH={architecture.kbuild} modules   (there, it also makes what modules of others need)",
        )
    # A makefile of O= has the two folders by the names that the user gave them, which may be links.
    makefile = (folder / "Makefile").read_text(encoding="utf-8", errors="replace")
    named = [Path(output or source) for output, source in _IN_MAKEFILE.findall(makefile)]
    source = named[-1].resolve() if named else folder
    check_source(source, what)
    image = _image(what, folder, architecture, image)
    check_options(what, architecture, config, source)
    _check_age(what, image, source, architecture)
    folders = tuple(dict.fromkeys([source, folder, *named]))
    own = BuiltKernel(architecture.name, folder, source, image, release, config, folders)
    return {architecture.name: own, **{name: replace(own, arch=name) for name in _others(own)}}


def _others(kernel: BuiltKernel) -> Iterator[str]:
    """Yield the other architectures that can run a kernel: variants of its own, and x86_64 as a guest of Xen."""
    for name, other in architectures().items():
        if name == kernel.arch or kernel.config.get(other.config) != "y" or architectures()[kernel.arch].hypervisor:
            continue
        if other.variant_of == kernel.arch or (
            name in kernel_config.buildable() and not _lacking(other, kernel.config, kernel.source)
        ):
            yield name


def _architecture(what: str, folder: Path, config: Mapping[str, str], text: str) -> Architecture:
    """Return the architecture that `lazymmu kernel build` noted, or the first whose option is set."""
    known = [architectures()[arch] for arch in kernel_config.buildable()]
    possible = {one.name: one for one in known if config.get(one.config) == "y"}
    if possible:
        mark = folder / BUILT
        noted = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
        return possible.get(noted) or next(iter(possible.values()))
    title = re.search(r"^# Linux/(\S+)", text, re.MULTILINE)
    raise UsageError(
        f"{what}: {folder} is built for {title[1] if title else 'an unknown architecture'}: its {_CONFIG} has none of "
        f"{', '.join(f'CONFIG_{one.config}=y ({one.name})' for one in known)}"
    )


def _image(what: str, folder: Path, architecture: Architecture, named: Path | None) -> Path:
    """Return the boot image of a build: the named one if guests can boot it, or that in the folder."""
    usable = [folder / one for one in architecture.images]
    if named is not None and named.resolve() in usable:
        return named.resolve()
    image = next((one for one in usable if one.is_file()), None)
    if image is None:
        raise UsageError(
            f"{what}: there is no boot image in {folder} (looked for {', '.join(architecture.images)})",
            hint=f"make ARCH={architecture.kbuild} {Path(architecture.images[0]).name}",
        )
    return image


def check_options(what: str, architecture: Architecture, config: Mapping[str, str], source: Path) -> None:
    """Raise UsageError with the options that guests of an architecture need and a kernel lacks."""
    if config.get(_CLANG) == "y":
        raise UsageError(f"{what}: the kernel was built by clang, and the module is built by gcc")
    if lines := _lacking(architecture, config, source):
        raise UsageError(
            f"{what}: guests of {architecture.name} need other options:\n    " + "\n    ".join(lines),
            hint="`lazymmu kernel build TREE` builds a kernel that has them",
        )


def _lacking(architecture: Architecture, config: Mapping[str, str], source: Path) -> list[str]:
    unmet = kernel_config.unmet(config, kernel_config.needed(architecture.name))
    definitions = kernel_config.Definitions(source, architecture.kbuild, unmet)
    return [kernel_config.line(option, value) for option, value in unmet.items() if option in definitions]


def _check_age(what: str, image: Path, source: Path, architecture: Architecture) -> None:
    """Raise UsageError if a header was edited after the build: the module would have another kernel's functions."""
    headers = [*_IN_ALL, f"arch/{architecture.kbuild}/include/asm/pgtable.h"]
    built = image.stat().st_mtime_ns
    edited = [name for name in headers if (source / name).is_file() and (source / name).stat().st_mtime_ns > built]
    if edited:
        raise UsageError(
            f"{what}: {', '.join(edited)} in {source} was changed after the kernel was built ({image})",
            hint="build it again: make, or `lazymmu kernel build`",
        )


def described(found: Mapping[str, BuiltKernel]) -> Iterator[str]:
    """Yield what each kernel is, for a person."""
    for arch, kernel in found.items():
        yield f"{arch}: Linux {kernel.release} in {kernel.folder}"
