# SPDX-License-Identifier: GPL-2.0-only
"""The project's own package lists, for a mirror whose lists do not match their signature or its files.

They name what runs fetch from a suite, each file with the SHA-256 from the archive's signed lists. The files come from
the mirror as usual, and apt checks them. `python -m tools.package_lists` writes the lists.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from lazymmu.support.project import IMAGES

#: One folder for each suite, with one file for each Debian architecture.
LISTS = IMAGES / "packages"
# The mirror that mmdebstrap would have asked gives the packages, this project the lists (apt-transport-mirror(1)).
# trusted: these lists have no signature, they came with the project.
_HOOK = r"""set -eu
sources=$1/etc/apt/sources.list
line=$(grep '^deb ' "$sources" | sed -n '1{{s/^deb \[/&arch={whole} /;t end;s/^deb /&[arch={whole}] /;:end;p}}')
mirror=$(echo "$line" | sed 's/^deb \[[^]]*\] \([^ ]*\) .*/\1/')
test -n "$mirror"
printf '%s\ttype:deb\n%s\ttype:index\n' "$mirror" file:{folder}/ >{folder}/mirrors
echo "deb [arch={listed} trusted=yes] mirror+file:{folder}/mirrors {suite} main" >"$sources"
test -z "{whole}" || echo "$line" >>"$sources"
"""


def path(suite: str, architecture: str) -> Path:
    """Return the path of the list of one suite for one Debian architecture. It may not exist."""
    return LISTS / suite / f"{architecture}.packages"


def has(suite: str, architectures: Sequence[str], folder: Path) -> bool:
    """Return whether the project has lists of a suite for all these Debian architectures.

    `folder` is where they would be laid out: apt 2.6 waits for ever for a file of mirrors whose name has to be quoted.
    """
    plain = re.fullmatch(r"[A-Za-z0-9/._~+-]+", str(folder)) is not None
    return plain and all(path(suite, architecture).is_file() for architecture in architectures)


def repository(suite: str, architectures: Sequence[str], whole: Sequence[str], folder: Path) -> str:
    """Make a repository of the lists for some architectures. Return the setup hook for mmdebstrap that uses it.

    For those in `whole`, the mirror's own lists are used. An architecture may be in both.
    """
    release = folder / "dists" / suite
    lines = [
        f"Suite: {suite}",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Architectures: {' '.join(architectures)}",
        "Components: main",
        "SHA256:",
    ]
    for architecture in architectures:
        text = path(suite, architecture).read_bytes().splitlines(keepends=True)
        # apt does not accept comments.
        data = b"".join(line for line in text if not line.startswith(b"#"))
        name = f"main/binary-{architecture}/Packages"
        (release / name).parent.mkdir(parents=True)
        (release / name).write_bytes(data)
        lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}")
    (release / "Release").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return _HOOK.format(folder=folder, suite=suite, listed=",".join(architectures), whole=",".join(whole))
