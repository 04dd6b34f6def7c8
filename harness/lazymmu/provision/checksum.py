# SPDX-License-Identifier: GPL-2.0-only
"""The SHA-256 beside each cache entry that is a file, and whether the entry still matches it.

The file has the form of sha256sum, so `sha256sum -c NAME.sha256` works in the entry's folder. Comments in it give the
length, and the boot of the host in which every byte was last compared.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Added to an entry's name.
SUFFIX = ".sha256"
#: Returns what is wrong with an entry, None for nothing: `mismatch` or `glance`.
Look = Callable[[Path], str | None]
_DIGITS = 64
_CHECKED = "# read whole in boot "
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = re.compile(r"^# ([0-9]+) bytes$", re.MULTILINE)


def beside(entry: Path) -> Path:
    """Return the path of an entry's SHA-256."""
    return entry.with_name(entry.name + SUFFIX)


def write(made: Path, target: Path) -> None:
    """Write the SHA-256 of the file `made`, which will become the entry that `target` names."""
    name = target.name.removesuffix(SUFFIX)
    target.write_text(f"{sha256(made)}  {name}\n# {made.stat().st_size} bytes\n{_checked()}\n")


def recorded(entry: Path) -> str:
    """Return the SHA-256 beside an entry, empty if there is none."""
    return _read(entry)[:_DIGITS] if beside(entry).exists() else ""


def mismatch(entry: Path) -> str | None:
    """Return what is wrong with an entry, None for nothing. Raises OSError."""
    if _read(entry)[:_DIGITS] == sha256(entry):
        return None
    return "is damaged: its SHA-256 is not the one from when it was made"


def glance(entry: Path) -> str | None:
    """Return what is wrong with an entry, as `mismatch` does, at little cost.

    The length is compared each time, every byte only once after each boot of the host. Raises OSError.
    """
    text, length = _read(entry), entry.stat().st_size
    made = _LENGTH.search(text)
    if made and int(made[1]) != length:
        return f"is damaged: it has {length} bytes and was made with {made[1]}"
    if made and _checked() in text.splitlines():
        return None
    wrong = mismatch(entry)
    if wrong is None:
        kept = [line for line in text.splitlines() if not line.startswith(_CHECKED)]
        partial = entry.with_name(f"{entry.name}.{secrets.token_hex(4)}.partial")
        # In a cache that cannot be written, every byte is compared each time.
        with suppress(OSError):
            partial.write_text("\n".join([*kept, _checked()]) + "\n")
            partial.rename(beside(entry))
    return wrong


def entry_damage(entry: Path, look: Look = mismatch) -> str | None:
    """Return what is wrong with an entry that exists, None for nothing and for an entry that vanishes meanwhile."""
    try:
        return None if entry.is_dir() else look(entry)
    except FileNotFoundError:
        return "has no SHA-256 beside it" if entry.exists() else None
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _read(entry: Path) -> str:
    return beside(entry).read_text(encoding="utf-8", errors="replace")


def _checked() -> str:
    """Return the line that says that every byte was read since the host booted."""
    return f"{_CHECKED}{_BOOT_ID.read_text(encoding='ascii').strip()}"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
