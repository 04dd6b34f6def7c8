# SPDX-License-Identifier: GPL-2.0-only
"""A shell for guests: busybox of the guest's architecture, fetched when something needs it, and an archive with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    """Return where the version of each architecture's busybox is kept that was chosen once."""
    return cache.root / "shells" / "busybox.json"


def locked(cache: Cache) -> dict[str, str]:
    """Return architecture -> version of the package; empty when it was never fetched. Raises SetupError."""
    path = lock_file(cache)
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {str(arch): str(version) for arch, version in document.items()}
    except (ValueError, AttributeError) as error:
        raise SetupError(f"{path} is damaged: {error!r}", hint=f"remove it: rm {path}") from error


def _store(cache: Cache, arch: str, version: str) -> Path:
    name = f"{PACKAGE}_{version}_{architectures()[arch].debian}".replace(":", "%3a")
    return tool_root.path(cache, arch) / "lazymmu" / "shells" / name


def _installed(cache: Cache, arches: Sequence[str]) -> dict[str, Path] | None:
    """Return the programs when those of all these architectures are there, else None."""
    versions = locked(cache)
    if not set(arches) <= set(versions):
        return None
    found = {arch: _store(cache, arch, versions[arch]) for arch in arches}
    return found if all(whole(path) for path in found.values()) else None


def busybox(cache: Cache, arches: Sequence[str], *, offline: bool = False) -> dict[str, Path]:
    """Return architecture -> its busybox below the tool root, fetched first if one is not there.

    Raises SetupError, with `offline` also for what would have to be fetched.
    """
    found = _installed(cache, arches)
    if found is None:
        if offline:
            raise SetupError(
                f"the {_WHAT} ({', '.join(arches)}) is not in the cache, and --offline forbids to fetch it"
            )
        # In a thread of its own, for an interrupt comes to the main thread: there it could fall between any two steps.
        with ThreadPoolExecutor(max_workers=1) as pool, cache.tools.stopped_by_interrupt():
            found = pool.submit(_fetch, cache, arches).result()
    return found


def _fetch(cache: Cache, arches: Sequence[str]) -> dict[str, Path]:
    lock = lock_file(cache)
    with cache.locked(lock, _WHAT):
        found = _installed(cache, arches)
        if found is not None:
            return found
        with (
            cache.progress.step(f"{_WHAT}, busybox for {', '.join(arches)}", "about 30 MB to fetch, 10 to 40 s"),
            cache.building(lock, _WHAT, needs=_NEEDS) as folder,
        ):
            debian = {arch: architectures()[arch].debian for arch in arches}
            versions = locked(cache)

            def work(apt: Apt, files: Path) -> dict[str, tuple[str, Path]]:
                found = {}
                for arch in arches:
                    package = f"{PACKAGE}:{debian[arch]}"
                    version = versions.get(arch) or apt.show(package)["Version"]
                    hint = f"when the mirror no longer has this version: rm {lock}"
                    (deb,) = apt.download([f"{package}={version}"], files / arch, hint=hint)
                    found[arch] = version, deb
                return found

            debs = with_lists(cache, folder / "fetched", tool_root.SUITE, tool_root.debian_names(arches), work)
            for arch, (version, deb) in debs.items():
                versions[arch] = version
                unpack(cache.tools, deb, folder / arch)

                def build(target: Path, program: Path = folder / arch / _PROGRAM) -> None:
                    program.rename(target)

                cache.obtain(_store(cache, arch, version), f"busybox for {arch}", build)
            partial_lock = folder / lock.name
            partial_lock.write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
            partial_lock.replace(lock)
        return {arch: _store(cache, arch, versions[arch]) for arch in arches}


def archive(cache: Cache, root: Path, arch: str, files: Mapping[str, bytes]) -> Path:
    """Return an initramfs of these files (name -> content; everyone may run them) and the folders on which to mount."""
    key = digest(part for name, content in files.items() for part in (name, content))

    def build(target: Path) -> None:
        target.write_bytes(
            cpio.archive(
                [
                    *(cpio.directory(name) for name in ("bin", "dev", "proc", "sys")),
                    # The kernel opens it for init before anything is mounted.
                    cpio.node("dev/console", 5, 1),
                    *(cpio.program(name, content) for name, content in files.items()),
                ]
            )
        )

    store = root / "lazymmu" / "archives" / f"{key}.cpio"
    return cache.obtain(store, f"guest archive with a shell for {arch}", build, needs=_ARCHIVE_NEEDS)
