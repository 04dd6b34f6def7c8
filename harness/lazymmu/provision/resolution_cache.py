# SPDX-License-Identifier: GPL-2.0-only
"""What apt last said about a kernel, for each architecture, in a file beside the kernel's lock file.

So a run does not ask the network again and again for what a mirror does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Struct, json

from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel

#: Suffix of the files.
SUFFIX = ".resolutions"
#: How long a refusal counts. A mirror is out of step for hours.
_VALID = timedelta(days=1)


class Resolution(Struct, frozen=True):
    """What apt said about a kernel for one architecture: a release, or a reason."""

    #: When apt was asked, in UTC.
    asked: datetime
    #: As `uname -r` prints it, and the version of the packages; empty if the kernel does not resolve.
    release: str = ""
    version: str = ""
    #: Why it does not resolve, in apt's words; empty if it does.
    reason: str = ""

    def refusal(self) -> str:
        """Return the reason with its time."""
        return f"{self.reason} (asked {self.asked:%Y-%m-%d %H:%M} UTC)"

    def is_recent(self, now: datetime) -> bool:
        """Return whether apt need not be asked again."""
        return timedelta() <= now - self.asked < _VALID

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        asked = self.asked.isoformat(timespec="seconds")
        return {"asked": asked, "release": self.release, "version": self.version, "reason": self.reason}


def now() -> datetime:
    """Return the time in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}{SUFFIX}"


def resolutions(cache: Cache, kernel: Kernel) -> dict[str, Resolution]:
    """Return what apt last said, by architecture; nothing if the file cannot be read."""
    try:
        return json.decode(_file(cache, kernel).read_bytes(), type=dict[str, Resolution])
    except (OSError, DecodeError):
        return {}


def remember(cache: Cache, kernel: Kernel, new: Mapping[str, Resolution], folder: Path) -> None:
    """Keep what apt said, with what it said earlier about other architectures. `folder` is for scratch files.

    The caller holds the kernel's lock.
    """
    target = _file(cache, kernel)
    partial = folder / target.name
    partial.write_bytes(json.format(json.encode({**resolutions(cache, kernel), **new})) + b"\n")
    partial.replace(target)
