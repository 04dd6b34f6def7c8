# SPDX-License-Identifier: GPL-2.0-only
"""A shell for guests: Debian's busybox of the guest's architecture, fetched when something needs it.

The version that was fetched once is used until `lazymmu clean` removes it.
"""

from collections.abc import Mapping, Sequence
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


def _folder(cache: Cache, arch: str) -> Path:
    return tool_root.path(cache, arch) / "lazymmu" / "shells"


def _present(cache: Cache, arches: Sequence[str]) -> dict[str, Path]:
    found = {}
    for arch in arches:
        for path in _folder(cache, arch).glob(f"{PACKAGE}_*_{architectures()[arch].debian}"):
            if whole(path):
                found[arch] = path
    return found


def busybox(cache: Cache, arches: Sequence[str], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's busybox in its tool root, fetched first if it is missing.

    Raises SetupError, with `offline` also if something would have to be fetched.
    """
    found = _present(cache, arches)
    if len(found) < len(arches):
        if offline:
            raise SetupError(
                f"the {_WHAT} ({', '.join(arches)}) is not in the cache, and --offline forbids fetching it"
            )
        cache.tools.in_thread(lambda: _fetch(cache, arches))
        found = _present(cache, arches)
    return found


def _fetch(cache: Cache, arches: Sequence[str]) -> None:
    store = _folder(cache, arches[0]) / "busybox"
    with cache.locked(store, _WHAT):
        missing = [arch for arch in arches if arch not in _present(cache, arches)]
        if not missing:
            return
        with (
            cache.progress.step(f"{_WHAT}, busybox for {', '.join(missing)}", "about 30 MB to fetch, 10 to 40 s"),
            cache.building(store, _WHAT, needs=_NEEDS) as folder,
        ):

            def work(apt: Apt, files: Path) -> dict[str, Path]:
                found = {}
                for arch in missing:
                    package = f"{PACKAGE}:{architectures()[arch].debian}"
                    (found[arch],) = apt.download([f"{package}={apt.show(package)['Version']}"], files / arch)
                return found

            debs = with_lists(cache, folder / "fetched", tool_root.SUITE, tool_root.debian_names(missing), work)
            for arch, deb in debs.items():
                unpack(cache.tools, deb, folder / arch)

                def build(target: Path, program: Path = folder / arch / _PROGRAM) -> None:
                    program.rename(target)

                cache.obtain(_folder(cache, arch) / deb.stem, f"busybox for {arch}", build)


def archive(cache: Cache, root: Path, arch: str, files: Mapping[str, bytes]) -> Path:
    """Return an initramfs of these files, which everybody may run, and the folders on which to mount."""
    key = digest(part for name, content in files.items() for part in (name, content))
    store = root / "lazymmu" / "archives" / f"{key}.cpio"

    def build(target: Path) -> None:
        target.write_bytes(cpio.initramfs(files, folders=["bin"]))

    return cache.obtain(store, f"guest archive with a shell for {arch}", build, needs=_ARCHIVE_NEEDS)
