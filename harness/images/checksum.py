# SPDX-License-Identifier: GPL-2.0-only
"""The SHA-256 that stands beside a cache entry that is a file, and whether the entry still has it.

It is kept as sha256sum writes it, so that `sha256sum -c NAME.sha256` works in the entry's folder; comments behind it
tell the length, and in which boot of the host the whole file was last read and found right.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from pathlib import Path

#: Added to an entry's name.
SUFFIX = ".sha256"
_DIGITS = 64
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = re.compile(r"^# ([0-9]+) bytes$", re.MULTILINE)


def beside(entry: Path) -> Path:
    """Return where the digest of an entry stands."""
    return entry.with_name(entry.name + SUFFIX)


def _of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(made: Path, target: Path) -> None:
    """Write the digest of the file `made`, which is to become the entry that `target` names."""
    target.write_text(_text(_of(made), target.name.removesuffix(SUFFIX), made.stat().st_size), encoding="utf-8")


def _text(digest: str, name: str, length: int) -> str:
    return f"{digest}  {name}\n# {length} bytes\n{_read_whole()}\n"


def _read_whole() -> str:
    """Return the line of a file that was read whole since the host booted."""
    return f"# read whole in boot {_BOOT_ID.read_text(encoding='ascii').strip()}"


def recorded(entry: Path) -> str | None:
    """Return the digest that was kept of an entry, None when there is none (earlier versions kept none)."""
    try:
        return beside(entry).read_text(encoding="utf-8", errors="replace")[:_DIGITS]
    except FileNotFoundError:
        return None


def mismatch(entry: Path) -> str | None:
    """Return what is wrong with an entry, None when it has its digest or none was kept. Raises OSError."""
    kept = recorded(entry)
    return None if kept is None or kept == _of(entry) else "is damaged: it has not the SHA-256 that it was made with"


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
            partial.write_text(_text(text[:_DIGITS], entry.name, length), encoding="utf-8")
            partial.rename(beside(entry))
    return wrong
