# SPDX-License-Identifier: GPL-2.0-only
"""What apt said of a kernel when it was asked last, architecture by architecture, kept beside the kernel's lock file.

A run does not ask the network again and again for what a mirror does not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import Kernel

#: Suffix of the files.
SUFFIX = ".answers"
#: How long a reason is believed: a mirror that is out of step is so for hours.
_BELIEVED = timedelta(days=1)


class Answer(Struct, frozen=True):
    """What apt said of a kernel for one architecture: a release, or a reason."""

    #: When, in UTC.
    asked: datetime
    #: As `uname -r` prints it, and the packages' version; empty when it does not resolve.
    release: str = ""
    version: str = ""
    #: Why it does not resolve, in apt's words; empty when it does.
    reason: str = ""

    def refusal(self) -> str:
        """Return the reason with its time."""
        return f"{self.reason} (asked {self.asked:%Y-%m-%d %H:%M} UTC)"

    def believed(self, now: datetime) -> bool:
        """Return whether the answer is new enough not to ask again."""
        return timedelta() <= now - self.asked < _BELIEVED

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        asked = self.asked.isoformat(timespec="seconds")
        return {"asked": asked, "release": self.release, "version": self.version, "reason": self.reason}


def now() -> datetime:
    """Return the time as answers have it, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _file(cache: Cache, kernel: Kernel) -> Path:
    return cache.root / "kernels" / f"{kernel.name}{SUFFIX}"


def answers(cache: Cache, kernel: Kernel) -> dict[str, Answer]:
    """Return the last answers by architecture; what cannot be read was never asked."""
    try:
        document = json.loads(_file(cache, kernel).read_bytes())
        return {
            str(arch): Answer(
                asked=datetime.fromisoformat(entry["asked"]).astimezone(UTC),
                release=str(entry["release"]),
                version=str(entry["version"]),
                reason=str(entry["reason"]),
            )
            for arch, entry in document.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def remember(cache: Cache, kernel: Kernel, new: Mapping[str, Answer], folder: Path) -> None:
    """Keep answers, with earlier ones of other architectures; `folder` is for scratch files.

    The caller holds the kernel's lock.
    """
    target = _file(cache, kernel)
    partial = folder / target.name
    document = {arch: answer.to_json() for arch, answer in {**answers(cache, kernel), **new}.items()}
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(target)
