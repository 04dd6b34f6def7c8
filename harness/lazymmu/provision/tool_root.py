# SPDX-License-Identifier: GPL-2.0-only
"""The tool root: compilers and QEMU of one Debian suite in a folder of the cache."""

from __future__ import annotations

import platform
from pathlib import Path

from lazymmu.provision.cache import Cache, digest
from lazymmu.provision.catalogue import tool_root_recipe
from lazymmu.provision.progress import size_of
from lazymmu.support.errors import SetupError

# Raise it when the way in which a root is made changes.
_RECIPE_VERSION = "1"
#: Bytes on disk while it is made: the root, and the packages that it is unpacked from.
NEEDS = 1_250_000_000


def host_architecture() -> str:
    """Return Debian's name of this host's architecture; SetupError when the tool root cannot be had for it."""
    machine = platform.machine()
    hosts = tool_root_recipe().hosts
    if machine not in hosts:
        raise SetupError(f"hosts of architecture {machine} are not supported yet", hint=f"there is: {', '.join(hosts)}")
    return hosts[machine]


def path(cache: Cache) -> Path:
    """Return where the tool root of the present recipe is or will be."""
    recipe = tool_root_recipe()
    key = digest([_RECIPE_VERSION, recipe.suite, host_architecture(), *recipe.packages])
    return cache.root / "roots" / key


def obtain(cache: Cache) -> Path:
    """Return the tool root, made first if it is not there (0.9 GB; half a minute with a fast mirror)."""
    # As in setup.py: most runs have it.
    from lazymmu.provision.debian import mmdebstrap  # noqa: PLC0415

    recipe = tool_root_recipe()

    def build(target: Path) -> None:
        what = f"tool root, compilers and QEMU from Debian {recipe.suite}"
        with cache.progress.step(what, "about 0.9 GB on disk, 20 to 60 s") as step:
            mmdebstrap(
                cache.tools,
                [
                    "--variant=extract",
                    f"--architectures={host_architecture()}",
                    f"--include={','.join(recipe.packages)}",
                ],
                recipe.suite,
                target,
                what=what,
            )
            # dpkg's alternatives make this link; nothing is configured in an extracted root.
            (target / "usr/bin/awk").symlink_to("gawk")
            (target / "lazymmu").mkdir()
            step.size = size_of(target)

    return cache.obtain(path(cache), "tool root", build, needs=NEEDS)
