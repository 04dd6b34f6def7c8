# SPDX-License-Identifier: GPL-2.0-only
"""Exports packages and the user's lock to one compressed tar file, for a machine without network, and imports them.

Its last member lists the SHA-256 of each file, so that a file that is cut off or changed is refused.
"""

import tarfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import zstandard

from lazymmu.provision import deb, lock, packages
from lazymmu.provision.cache import Cache
from lazymmu.provision.checksum import sha256
from lazymmu.provision.lock import Package
from lazymmu.support.errors import SetupError

_SUMS = "SHA256SUMS"


def write(cache: Cache, wanted: Iterable[Package], file: Path) -> int:
    """Write unpacked packages and the user's lock to a file. Returns its size in bytes. Raises SetupError, OSError."""
    sums: list[str] = []
    partial = file.with_name(f"{file.name}.partial")
    folders = [*(packages.folder(cache.root, one) for one in dict.fromkeys(wanted)), lock.users(cache.root)]

    def add(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        if member.isfile():
            sums.append(f"{sha256(cache.root / member.name)}  {member.name}")
        return member

    with (
        partial.open("wb") as raw,
        zstandard.ZstdCompressor(threads=-1).stream_writer(raw, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for folder in filter(Path.is_dir, folders):
            archive.add(folder, str(folder.relative_to(cache.root)), filter=add)
        listing = "\n".join(sums).encode()
        end = tarfile.TarInfo(_SUMS)
        end.size = len(listing)
        archive.addfile(end, BytesIO(listing))
    partial.replace(file)
    return file.stat().st_size


def read(cache: Cache, file: Path) -> int:
    """Put what `write` wrote into a cache. Returns how many packages are new. Raises SetupError, OSError."""
    with cache.building(cache.root / "packages" / "import", "import") as scratch:
        folder = scratch / "unpacked"
        _unpack(file, folder)
        new = 0
        for tree in sorted((folder / "packages").iterdir()):
            target = cache.root / "packages" / tree.name
            with cache.locked(target, "package"):
                if not target.is_dir():
                    tree.rename(target)
                    new += 1
        for part in lock.users(folder).glob("*/*/*.json"):
            lock.read(part)
            target = cache.root / part.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    return new


def _unpack(file: Path, target: Path) -> None:
    """Unpack an exported file into a folder. Raises SetupError if it is not whole."""
    found, listed, tree = [], None, deb.Tree(target, str(file))
    try:
        with (
            file.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                content = archive.extractfile(member) if member.name == _SUMS else None
                if content is not None:
                    listed = content.read().decode().splitlines()
                    break
                tree.extract(archive, member, member.name)
                if member.isfile():
                    found.append(f"{sha256(target / member.name)}  {member.name}")
    except (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError) as error:
        raise SetupError(f"{file} is not a whole export: {error}", hint="copy it again") from error
    if listed != found:
        raise SetupError(f"{file} is damaged: a file in it has not the SHA-256 that it lists", hint="copy it again")
