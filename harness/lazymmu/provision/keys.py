# SPDX-License-Identifier: GPL-2.0-only
"""Where the cache is, and the keys in the names of its entries; with the standard library alone (see lock.py)."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

#: Names the folder of the cache.
CACHE = "LAZYMMU_CACHE"
#: What else to do when the cache cannot be written.
FOLDER_HINT = f"let {CACHE} name another folder for it"
_KEY_DIGITS = 16


def default_root() -> Path:
    """Return the folder of this user's cache: LAZYMMU_CACHE, or `lazymmu` in XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get(CACHE, "")
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(named).absolute() if named else Path(base).expanduser() / "lazymmu"


def lock_file(root: Path, target: Path) -> Path:
    """Return the file whose lock (flock) is that of an entry of the cache in `root`; its folder is made."""
    path = root / "locks" / f"{digest([str(target.relative_to(root))])}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a key for these parts, in order. Different sequences have different keys."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(b"%d:" % len(data))
        state.update(data)
    return state.hexdigest()[:_KEY_DIGITS]
