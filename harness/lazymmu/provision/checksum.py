# SPDX-License-Identifier: GPL-2.0-only
"""The SHA-256 that stands beside a cache entry that is a file, and whether the entry still has it.

It is kept as sha256sum writes it, so that `sha256sum -c NAME.sha256` works in the entry's folder; comments behind it
tell the length, and in which boot of the host the whole file was last read and found right. That of a file with holes,
which is a guest's memory and mostly nothing, is taken of the blocks that are not zero: a third of the time. A comment
says so.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Added to an entry's name.
SUFFIX = ".sha256"
_DIGITS = 64
_BLOCKS = "# of the length, and of each block of 4096 bytes that is not zero behind its number; numbers in 8 bytes"
_BLOCK = 4096
_NOTHING = bytes(_BLOCK)
# Bytes that are read at once, of whole blocks.
_PIECE = 256 * _BLOCK
# What st_blocks counts (man 3type stat).
_SECTOR = 512
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = re.compile(r"^# ([0-9]+) bytes$", re.MULTILINE)


def beside(entry: Path) -> Path:
    """Return where the digest of an entry stands."""
    return entry.with_name(entry.name + SUFFIX)


def _of(path: Path, *, blocks: bool) -> str:
    with path.open("rb") as file:
        if not blocks:
            return hashlib.file_digest(file, "sha256").hexdigest()
        state = hashlib.sha256(os.fstat(file.fileno()).st_size.to_bytes(8))
        for number, data in _extents(file.fileno()):
            pieces = []
            for start in range(0, len(data), _BLOCK):
                block = data[start : start + _BLOCK]
                if block != _NOTHING[: len(block)]:
                    pieces += [(number + start // _BLOCK).to_bytes(8), block]
            state.update(b"".join(pieces))
        return state.hexdigest()


def _extents(file: int) -> Iterator[tuple[int, bytes]]:
    """Yield what is no hole of a file, in pieces of many blocks: the number of the first one, and the bytes."""
    offset, size = 0, os.fstat(file).st_size
    while offset < size:
        try:
            offset = os.lseek(file, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(file, offset, os.SEEK_HOLE)
        # A hole may begin and end within a block.
        offset -= offset % _BLOCK
        end = min(size, end + -end % _BLOCK)
        while offset < end:
            data = os.pread(file, min(_PIECE, end - offset), offset)
            if not data:
                return
            yield offset // _BLOCK, data
            offset += len(data)


def write(made: Path, target: Path) -> None:
    """Write the digest of the file `made`, which is to become the entry that `target` names."""
    found = made.stat()
    blocks = found.st_blocks * _SECTOR < found.st_size
    digest = _of(made, blocks=blocks)
    target.write_text(_text(digest, target.name.removesuffix(SUFFIX), found.st_size, blocks=blocks), encoding="utf-8")


def _text(digest: str, name: str, length: int, *, blocks: bool) -> str:
    how = f"{_BLOCKS}\n" if blocks else ""
    return f"{digest}  {name}\n# {length} bytes\n{how}{_read_whole()}\n"


def _read_whole() -> str:
    """Return the line of a file that was read whole since the host booted."""
    return f"# read whole in boot {_BOOT_ID.read_text(encoding='ascii').strip()}"


def recorded(entry: Path) -> str | None:
    """Return the digest that was kept of an entry, None when there is none (earlier versions kept none)."""
    text = _kept(entry)
    return None if text is None else text[:_DIGITS]


def _kept(entry: Path) -> str | None:
    try:
        return beside(entry).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _by_blocks(text: str) -> bool:
    return _BLOCKS in text.splitlines()


def mismatch(entry: Path) -> str | None:
    """Return what is wrong with an entry, None when it has its digest or none was kept. Raises OSError."""
    text = _kept(entry)
    if text is None or text[:_DIGITS] == _of(entry, blocks=_by_blocks(text)):
        return None
    return "is damaged: it has not the SHA-256 that it was made with"


def glance(entry: Path) -> str | None:
    """Return what is wrong with an entry, as `mismatch` does, at little cost.

    Its length is looked at each time, the whole only when the host has booted since it was last. Raises OSError;
    FileNotFoundError also for one without a digest.
    """
    text = beside(entry).read_text(encoding="utf-8", errors="replace")
    kept, length = _LENGTH.search(text), entry.stat().st_size
    if kept and int(kept[1]) != length:
        return f"is damaged: it has {length} bytes and was made with {kept[1]}"
    if kept and _read_whole() in text.splitlines():
        return None
    wrong = mismatch(entry)
    if wrong is None:
        partial = entry.with_name(f"{entry.name}.{secrets.token_hex(4)}.partial")
        # A cache that cannot be written is read whole each time.
        with suppress(OSError):
            again = _text(text[:_DIGITS], entry.name, length, blocks=_by_blocks(text))
            partial.write_text(again, encoding="utf-8")
            partial.rename(beside(entry))
    return wrong
