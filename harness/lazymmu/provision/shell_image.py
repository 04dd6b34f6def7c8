# SPDX-License-Identifier: GPL-2.0-only
"""A shell for guests: Debian's busybox of the guest's architecture, fetched when something needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import DecodeError, json

from lazymmu.architecture import architectures
from lazymmu.provision import cpio, tool_root
from lazymmu.provision.cache import Cache, digest, whole
from lazymmu.provision.debian import Apt, unpack, with_lists
from lazymmu.support.errors import SetupError

# Bytes on disk while it is fetched: package lists of all architectures, packages, and what is unpacked from them.
_NEEDS = 250_000_000
_ARCHIVE_NEEDS = 16_000_000
_WHAT = "shell for guests"
#: Debian's package with a statically linked busybox, and the path of the program in it.
PACKAGE = "busybox-static"
_PROGRAM = "usr/bin/busybox"


def lock_file(cache: Cache) -> Path:
    """Return the file with the version of each architecture's package, which is chosen once."""
    return cache.root / "shells" / "busybox.json"


def _locked(cache: Cache) -> dict[str, str]:
    """Return the locked versions by architecture. Raises SetupError."""
    path = lock_file(cache)
    try:
        return json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except DecodeError as error:
        raise SetupError(f"{path} is damaged: {error}", hint=f"remove it: rm {path}") from error


def _paths(cache: Cache, arches: Sequence[str]) -> dict[str, Path]:
    """Return where the programs of these architectures are or will be, as far as their versions are locked."""
    versions, paths = _locked(cache), {}
    for arch in arches:
        if arch in versions:
            name = f"{PACKAGE}_{versions[arch]}_{architectures()[arch].debian}".replace(":", "%3a")
            paths[arch] = tool_root.path(cache, arch) / "lazymmu" / "shells" / name
    return paths


def busybox(cache: Cache, arches: Sequence[str], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's busybox in its tool root, fetched first if it is missing.

    Raises SetupError, with `offline` also if something would have to be fetched.
    """
    if _missing(cache, arches):
        if offline:
            raise SetupError(
                f"the {_WHAT} ({', '.join(arches)}) is not in the cache, and --offline forbids to fetch it"
            )
        cache.tools.in_thread(lambda: _fetch(cache, arches))
    return _paths(cache, arches)


def _missing(cache: Cache, arches: Sequence[str]) -> list[str]:
    paths = _paths(cache, arches)
    return [arch for arch in arches if arch not in paths or not whole(paths[arch])]


def _fetch(cache: Cache, arches: Sequence[str]) -> None:
    lock = lock_file(cache)
    with cache.locked(lock, _WHAT):
        missing = _missing(cache, arches)
        if not missing:
            return
        with (
            cache.progress.step(f"{_WHAT}, busybox for {', '.join(missing)}", "about 30 MB to fetch, 10 to 40 s"),
            cache.building(lock, _WHAT, needs=_NEEDS) as folder,
        ):
            versions = _locked(cache)

            def work(apt: Apt, files: Path) -> dict[str, tuple[str, Path]]:
                found = {}
                for arch in missing:
                    package = f"{PACKAGE}:{architectures()[arch].debian}"
                    version = versions.get(arch) or apt.show(package)["Version"]
                    hint = f"when the mirror no longer has this version: rm {lock}"
                    (deb,) = apt.download([f"{package}={version}"], files / arch, hint=hint)
                    found[arch] = version, deb
                return found

            debs = with_lists(cache, folder / "fetched", tool_root.SUITE, tool_root.debian_names(missing), work)
            versions |= {arch: version for arch, (version, _) in debs.items()}
            (folder / lock.name).write_bytes(json.format(json.encode(versions)) + b"\n")
            (folder / lock.name).replace(lock)
            for arch, (_, deb) in debs.items():
                unpack(cache.tools, deb, folder / arch)

                def build(target: Path, program: Path = folder / arch / _PROGRAM) -> None:
                    program.rename(target)

                cache.obtain(_paths(cache, [arch])[arch], f"busybox for {arch}", build)


def archive(cache: Cache, root: Path, arch: str, files: Mapping[str, bytes]) -> Path:
    """Return an initramfs of these files, which everybody may run, and the folders on which to mount."""
    key = digest(part for name, content in files.items() for part in (name, content))
    store = root / "lazymmu" / "archives" / f"{key}.cpio"

    def build(target: Path) -> None:
        target.write_bytes(cpio.initramfs(files, folders=["bin"]))

    return cache.obtain(store, f"guest archive with a shell for {arch}", build, needs=_ARCHIVE_NEEDS)
