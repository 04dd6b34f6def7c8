# SPDX-License-Identifier: GPL-2.0-only
"""Writes images/packages from the archive's lists: `python -m tools.package_lists`, a program for maintainers.

The lists name what a run, an SSH server and a shell for guests fetch from the suite of the default kernel.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lazymmu.architecture import architectures, default_names
from lazymmu.provision import catalogue, pinned_packages, shell_image, ssh_image
from lazymmu.provision.cache import Cache
from lazymmu.provision.debian import Apt
from lazymmu.provision.kernel_resolution import resolve
from lazymmu.provision.progress import Progress
from lazymmu.provision.tool_root import debian_names, host_architecture
from lazymmu.support.machine_names import DEFAULT_KERNEL

# What apt needs to choose and to fetch packages. Descriptions and weak checksums are left out.
_FIELDS = re.compile(
    r"^(?:Package|Source|Version|Architecture|Multi-Arch|Pre-Depends|Depends|Provides"
    r"|Filename|Size|SHA256): .*$",
    re.MULTILINE,
)
_HEADER = """\
# SPDX-License-Identifier: GPL-2.0-only
# Written by harness/tools/package_lists.py from the lists of {suite}, {architecture}: change it there.

"""


def _packages(apt: Apt, debian: str, flavour: str) -> Iterator[str]:
    """Yield the packages for guests of one architecture, as `name:architecture` with or without `=version`."""
    release = resolve(apt, debian, flavour)
    yield f"linux-headers-{flavour}:{debian}"
    yield f"linux-image-{release.release}:{debian}"
    yield from release.packages
    yield from apt.needed(f"{ssh_image.PACKAGE}:{debian}")
    yield f"{shell_image.PACKAGE}:{debian}"


def _stanza(apt: Apt, package: str) -> tuple[str, str]:
    """Return a package's architecture, and the fields of it that apt needs."""
    lines = _FIELDS.findall(apt.text(package))
    fields = dict(line.split(": ", 1) for line in lines)
    return fields["Architecture"], "\n".join(lines) + "\n"


def lists(apt: Apt, flavours: Mapping[str, str]) -> dict[str, str]:
    """Return the lists by Debian's architecture, for the architectures in `flavours` and the host's."""
    found: dict[str, set[str]] = {host_architecture(): set()}
    for arch, flavour in flavours.items():
        debian = architectures()[arch].debian
        found.setdefault(debian, set())
        for package in _packages(apt, debian, flavour):
            architecture, stanza = _stanza(apt, package)
            # A list also has the packages that are for every architecture.
            found[debian if architecture == "all" else architecture].add(stanza)
    return {
        architecture: _HEADER.format(suite=apt.suite, architecture=architecture) + "\n".join(sorted(stanzas))
        for architecture, stanzas in found.items()
    }


def main() -> int:
    """Write the lists for the architectures of the default run. Return the exit status."""
    kernel = catalogue.kernel(DEFAULT_KERNEL)
    flavours = {arch: kernel.flavours[arch] for arch in default_names()}
    with tempfile.TemporaryDirectory() as scratch:
        cache = Cache(Path(scratch), Progress())
        apt = Apt.open(cache.tools, cache.root / "apt", kernel.suite, debian_names(flavours))
        for architecture, text in lists(apt, flavours).items():
            path = pinned_packages.path(kernel.suite, architecture)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
