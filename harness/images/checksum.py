# SPDX-License-Identifier: GPL-2.0-only
"""The SHA-256 that stands beside a cache entry that is a file, and whether the entry still has it.

It is kept as sha256sum writes it, so that `sha256sum -c NAME.sha256` works in the entry's folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

#: Added to an entry's name.
SUFFIX = ".sha256"
_DIGITS = 64


def beside(entry: Path) -> Path:
    """Return where the digest of an entry stands."""
    return entry.with_name(entry.name + SUFFIX)


def _of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(made: Path, target: Path) -> None:
    """Write the digest of the file `made`, which is to become the entry that `target` names."""
    target.write_text(f"{_of(made)}  {target.name.removesuffix(SUFFIX)}\n", encoding="utf-8")


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
