# SPDX-License-Identifier: GPL-2.0-only
"""apt from a tool root of its own, for hosts without apt or without Debian's keys."""

from pathlib import Path

from msgspec.structs import replace

from lazymmu.provision import fetch, tool_root
from lazymmu.provision.apt import Programs
from lazymmu.provision.cache import Cache
from lazymmu.provision.sandbox import choose
from lazymmu.support.errors import SetupError

# How programs find a mirror by its name.
_NAMES = ("etc/resolv.conf", "etc/hosts")


def programs(cache: Cache) -> Programs:
    """Return apt's programs in a tool root that the project's lock names, fetched first. Raises SetupError."""
    part = tool_root.apt(cache)
    if part is None:
        raise SetupError("apt is needed to resolve packages, and the lock has none", hint="install apt on this host")
    fetch.started(cache.root, [part], "apt", cache.progress, cache.tools.stopped).wait(part.packages)
    root = tool_root.assemble(cache, part)
    for name in _NAMES:
        if Path("/", name).is_file():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(Path("/", name).read_bytes())
    sandbox = replace(choose(root), network=True)
    sandbox.equip()
    return Programs(lambda argv: sandbox.command(argv, writable=True), sandbox.inside, root / "lazymmu" / "resolution")
