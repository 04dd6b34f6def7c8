# SPDX-License-Identifier: GPL-2.0-only
"""One error for a folder that is full or cannot be written."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lazymmu.support.errors import SetupError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
_MEGABYTE = 1_000_000

#: The messages of tools on a full disk, with LC_ALL=C.
FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "You don't have enough free space")


def free(folder: Path) -> int:
    """Return the free bytes for this user in a folder, or in the nearest existing folder above it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def full(folder: Path, *, hint: str, needs: int = 0) -> SetupError:
    """Return the error for a full folder; `hint` is another way out, `needs` are bytes, 0 if unknown."""
    needed = f"about {-(-needs // _MEGABYTE)} MB are needed, " if needs else ""
    return SetupError(
        f"no space left in {folder}: {needed}{free(folder) // _MEGABYTE} MB are free",
        hint=f"free space there (`lazymmu clean` removes what is no longer used), or {hint}",
    )


def refusal(error: OSError, folder: Path, *, hint: str, needs: int = 0) -> SetupError | None:
    """Return the error for a folder that is full or cannot be written; None if the cause is another one."""
    if error.errno in _FULL:
        return full(folder, hint=hint, needs=needs)
    # An error without a name is about the folder; one about a file elsewhere is not.
    name = Path(error.filename) if isinstance(error.filename, str) else folder
    if error.errno in _CLOSED and (name.is_relative_to(folder) or folder.is_relative_to(name)):
        return SetupError(f"{folder} cannot be written: {error.strerror} ({name})", hint=hint)
    return None


@contextmanager
def explained(folder: Path, *, hint: str, needs: int = 0) -> Iterator[None]:
    """Replace the OSErrors of a `with` by the error of `refusal`; those with another cause stay."""
    try:
        yield
    except OSError as error:
        explanation = refusal(error, folder, hint=hint, needs=needs)
        if explanation is None:
            raise
        raise explanation from error
