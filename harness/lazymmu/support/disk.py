# SPDX-License-Identifier: GPL-2.0-only
"""A folder that is full or cannot be written: one error that names it, and what to do."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from lazymmu.support.errors import SetupError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
_MEGABYTE = 1_000_000

#: What the C library calls a full disk; tools say it in their last lines (with LC_ALL=C).
FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "You don't have enough free space")


def free(folder: Path) -> int:
    """Return the bytes that this user may still write in a folder, or in the nearest one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def full(folder: Path, *, hint: str, needs: int = 0) -> SetupError:
    """Return the error for a folder without space; `hint` is what to do else, `needs` in bytes, 0 when nobody knows."""
    needed = f"about {-(-needs // _MEGABYTE)} MB are needed, " if needs else ""
    return SetupError(
        f"no space left in {folder}: {needed}{free(folder) // _MEGABYTE} MB are free",
        hint=f"free space there (`lazymmu clean` drops what is no longer used), or {hint}",
    )


def refusal(error: OSError, folder: Path, *, hint: str, needs: int = 0) -> SetupError | None:
    """Return the error for a folder that refused to be written, None when something else went wrong."""
    if error.errno in _FULL:
        return full(folder, hint=hint, needs=needs)
    # Without a name it is what we were writing; a file elsewhere is not the folder's fault.
    name = Path(error.filename) if isinstance(error.filename, str) else folder
    if error.errno in _CLOSED and (name.is_relative_to(folder) or folder.is_relative_to(name)):
        return SetupError(f"{folder} cannot be written: {error.strerror} ({name})", hint=hint)
    return None
