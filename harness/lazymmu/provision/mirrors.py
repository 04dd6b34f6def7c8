# SPDX-License-Identifier: GPL-2.0-only
"""Addresses of Debian's archive: the project names none, so they come from the user or from the host."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lazymmu.support.errors import SetupError

#: Names mirrors, separated by spaces, in the order in which they are tried.
MIRROR = "LAZYMMU_MIRROR"
#: Names an archive of all earlier states of Debian's: the address before the time in a path.
SNAPSHOT = "LAZYMMU_SNAPSHOT"
# Where a host says which mirror its own packages come from (the last: what `mirror+file` of a source names), and where
# programs that make Debian systems keep theirs. Other archives than Debian's are in files of their own.
_SOURCES = "etc/apt/sources.list", "etc/apt/sources.list.d/debian.sources", "etc/apt/sources.list.d/*"
_DEFAULTS = "etc/apt/mirrors/*", "usr/sbin/debootstrap", "usr/bin/debootstrap", "usr/bin/mmdebstrap"
_MIRROR = re.compile(r"https?://([^\s/@]+@)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[1-9]\d*)?(/\S*)?")
# Other distributions' mirrors, and the one of Debian's security updates, have paths that end otherwise.
_ADDRESS = re.compile(r"https?://[^\s\"'<>|$]+/debian(?=/?(?:[\s\"']|$))")
# A source without it is the archive of one vendor.
_COMPONENT = re.compile(r"\bmain\b")


def mirrors(host: Path = Path("/")) -> list[str]:
    """Return the addresses of mirrors, without a `/` at the end. Raises SetupError if none is known."""
    named = [each.rstrip("/") for each in os.environ.get(MIRROR, "").split()]
    for each in named:
        if not _MIRROR.fullmatch(each):
            raise SetupError(f"{MIRROR}: `{each}` is not the address of a mirror, such as http://HOST/debian")
    found = named or next(_addresses(host), [])
    if not found:
        raise SetupError(
            "no mirror of Debian is known: this host's apt sources name none, nor does an installed debootstrap",
            hint=f"name one: export {MIRROR}=ADDRESS   (such as the one of your country, ending in /debian)",
        )
    return found


def snapshot(day: str) -> list[str]:
    """Return the address of the archive as it was on a day (as in 2026-11-30), if the user named where that is."""
    base = os.environ.get(SNAPSHOT, "").rstrip("/")
    return [f"{base}/{day.replace('-', '')}T235959Z"] if base else []


def _addresses(host: Path) -> Iterator[list[str]]:
    """Yield the addresses that each place names, if it names any."""
    for pattern in (*_SOURCES, *_DEFAULTS):
        for path in sorted(host.glob(pattern)):
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
                # A source is a line, or in the newer form a paragraph.
                sources = re.split(r"\n\s*\n" if path.suffix == ".sources" else r"\n", text)
                some = text if pattern in _DEFAULTS else "\n".join(filter(_COMPONENT.search, sources))
                if found := list(dict.fromkeys(_ADDRESS.findall(some))):
                    yield found
