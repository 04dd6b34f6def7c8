# SPDX-License-Identifier: GPL-2.0-only
"""Tool roots: folders of the cache with the compilers and the QEMU of one Debian suite, the same on every host.

The architectures of the default run share a tool root. Every other architecture has its own, made when somebody names
it, so that nobody fetches a compiler or an emulator for guests that they never run.
"""

import platform
from collections.abc import Iterable
from pathlib import Path

from lazymmu.architecture import architectures, default_names
from lazymmu.provision.cache import Cache, digest
from lazymmu.provision.cache_entries import size_of
from lazymmu.support.errors import SetupError

#: The suite with QEMU 10. QEMU 7.2 broke two boots of ten x86_64 guests with two CPUs.
SUITE = "trixie"
#: What the compilers and kbuild call. Each architecture adds its own packages.
_PACKAGES = (
    *("base-files", "libc6", "bash", "dash", "coreutils", "sed", "grep", "gawk", "findutils", "diffutils", "make"),
    *("perl-base", "kmod", "binutils"),
)
#: `uname -m` of supported hosts -> Debian's name.
_HOSTS = {"x86_64": "amd64"}
# Raise it when the way in which a root is made changes.
_RECIPE_VERSION = "1"
#: Bytes on disk while one is made: the root, and the packages that it is unpacked from.
NEEDS = 1_250_000_000


def host_architecture() -> str:
    """Return Debian's name of this host's architecture. Raises SetupError if there is no tool root for it."""
    machine = platform.machine()
    if machine not in _HOSTS:
        known = ", ".join(_HOSTS)
        raise SetupError(f"hosts of architecture {machine} are not supported yet", hint=f"supported: {known}")
    return _HOSTS[machine]


def debian_names(arches: Iterable[str]) -> list[str]:
    """Return Debian's names of the host and of these architectures, each once; apt wants the host's first."""
    return list(dict.fromkeys([host_architecture(), *(architectures()[arch].debian for arch in arches)]))


def _sharing(arch: str) -> tuple[str, ...]:
    """Return the architectures that use the tool root of this one."""
    return default_names() if architectures()[arch].default else (arch,)


def _packages(arch: str) -> list[str]:
    own = (package for one in _sharing(arch) for package in architectures()[one].packages)
    return list(dict.fromkeys([*_PACKAGES, *own]))


def path(cache: Cache, arch: str | None = None) -> Path:
    """Return where the tool root of an architecture, or of the default run, is or will be."""
    packages = _packages(arch or default_names()[0])
    return cache.root / "roots" / digest([_RECIPE_VERSION, SUITE, host_architecture(), *packages])


def obtain(cache: Cache, arch: str) -> Path:
    """Return the tool root of an architecture, made first if it is missing (up to 0.9 GB, half a minute)."""
    # As in setup.py: most runs have it.
    from lazymmu.provision.debian import mmdebstrap

    def build(target: Path) -> None:
        what = f"tool root for {', '.join(_sharing(arch))}, compilers and QEMU from Debian {SUITE}"
        with cache.progress.step(what, "up to 0.9 GB on disk, 20 to 60 s") as step:
            mmdebstrap(
                cache.tools,
                [
                    "--variant=extract",
                    f"--architectures={host_architecture()}",
                    f"--include={','.join(_packages(arch))}",
                ],
                SUITE,
                target,
                what=what,
            )
            # dpkg's alternatives make this link; nothing is configured in an extracted root.
            (target / "usr/bin/awk").symlink_to("gawk")
            (target / "lazymmu").mkdir()
            step.size = size_of(target)

    return cache.obtain(path(cache, arch), "tool root", build, needs=NEEDS)
