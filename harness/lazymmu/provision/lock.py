# SPDX-License-Identifier: GPL-2.0-only
"""The lock: every package that guests are made of, with its path in Debian's archive, its size and its SHA-256.

A file is a part, such as the compilers and QEMU for one architecture. `images/lock` came with the project
(`python -m tools.lock` writes it). What was resolved live since is in the cache; of two parts, the later one counts.

Only the standard library is used here, because a first run fetches while the launcher installs Python packages.
"""

import json
import platform
import re
from pathlib import Path
from typing import NamedTuple

from lazymmu.support.errors import SetupError
from lazymmu.support.project import IMAGES

#: The lock that came with the project.
PROJECT = IMAGES / "lock"
#: The part with the compilers and QEMU for an architecture, and of the host with what all of them need.
TOOLS = "tools"
#: In place of an architecture: packages that run on the host, whatever the guest.
HOST = "host"

#: `uname -m` of supported hosts -> Debian's name. Hosts of arm64 are experimental: only their programs were tried.
HOSTS = {"x86_64": "amd64", "aarch64": "arm64"}
_PATH = re.compile(r"pool(?:/[A-Za-z0-9][A-Za-z0-9+.~_%-]*)+\.deb")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Package(NamedTuple):
    """One package."""

    name: str
    version: str
    #: Debian's name, or "all".
    architecture: str
    #: Bytes.
    size: int
    sha256: str
    #: Its path in the archive, which starts with `pool/`.
    path: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.architecture})"


class Part(NamedTuple):
    """The packages of one file."""

    #: Debian suite.
    suite: str
    #: The day on which the suite had these versions, as in 2026-11-30.
    resolved: str
    #: What was resolved: package names, or a kernel's flavour.
    names: tuple[str, ...]
    packages: tuple[Package, ...]
    #: The kernel's release, as `uname -r` prints it; empty for other parts.
    release: str = ""

    @property
    def version(self) -> str:
        """The version of the kernel's packages, or of QEMU's; empty if the part has neither."""
        return next(
            (one.version for one in self.packages if one.name.startswith(("linux-headers-", "qemu-system-"))), ""
        )


def host_architecture() -> str:
    """Return Debian's name of this host's architecture. Raises SetupError if lazymmu does not support it."""
    machine = platform.machine()
    if machine not in HOSTS:
        raise SetupError(f"hosts of architecture {machine} are not supported", hint=f"supported: {', '.join(HOSTS)}")
    return HOSTS[machine]


def path(folder: Path, host: str, arch: str, name: str) -> Path:
    """Return the file of a part for hosts of an architecture (Debian's name) in the project's lock or the user's."""
    return folder / host / arch / f"{name}.json"


def users(root: Path) -> Path:
    """Return the folder of the user's own lock in a cache."""
    return root / "lock"


def part(root: Path, host: str, arch: str, name: str) -> Part | None:
    """Return a part of the lock for a cache, None if neither lock has it. Raises SetupError for a damaged file."""
    files = [path(folder, host, arch, name) for folder in (PROJECT, users(root))]
    found = [read(file) for file in files if file.is_file()]
    return max(reversed(found), key=lambda one: one.resolved, default=None)


def read(file: Path) -> Part:
    """Read the file of a part. Raises SetupError that names the file and the package."""
    try:
        fields = json.loads(file.read_bytes())
        packages = tuple(Package(**package) for package in fields["packages"])
        found = Part(fields["suite"], fields["resolved"], tuple(fields["names"]), packages, fields["release"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SetupError(f"{file} is damaged: {error!r}", hint=f"remove it, or check it out again: {file}") from error
    for package in packages:
        if not _PATH.fullmatch(str(package.path)):
            raise SetupError(f"{file}: {package.name}: {package.path!r} is outside the archive's pool")
        if not (_SHA256.fullmatch(str(package.sha256)) and isinstance(package.size, int) and package.size > 0):
            raise SetupError(f"{file}: {package.name}: a size in bytes and a SHA-256 are needed")
    return found


def text(part: Part) -> str:
    """Return the contents of a part's file, one line for each package."""
    head = {"SPDX-License-Identifier": "GPL-2.0-only", "suite": part.suite, "resolved": part.resolved}
    lines = [json.dumps({**head, "names": part.names, "release": part.release})[:-1] + ', "packages": [']
    lines.append(",\n".join(json.dumps(package._asdict()) for package in sorted(part.packages)))
    return "\n".join([*lines, "]}\n"])
