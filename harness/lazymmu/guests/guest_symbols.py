# SPDX-License-Identifier: GPL-2.0-only
"""The symbols of a guest's kernel, read from the first guest and cached."""

from collections.abc import Callable
from pathlib import Path

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.symbols import Symbols
from lazymmu.provision import checksum
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.keys import digest
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import SetupError

_KALLSYMS = "/proc/kallsyms"

#: Parses symbols when it is called. That takes a moment, and only a hang needs it.
SymbolSource = Callable[[], Symbols]


def of_kernel(cache: Cache, boot: Boot, connection: AgentConnection, deadline: Deadline) -> SymbolSource:
    """Return the symbols of a guest's kernel, read from the guest if they are not in the cache. Raises GuestError."""

    def read(target: Path) -> None:
        target.write_bytes(connection.read(_KALLSYMS, deadline))

    try:
        path = cache.obtain(_path(cache, boot), f"symbols of {boot.architecture.name}", read, look=checksum.glance)
    except (OSError, SetupError):
        # A run works without them, in a full or read-only cache: a hang's addresses then have no names.
        return Symbols
    return lambda: _parsed(path) + _of_hypervisor(boot)


def are_cached(cache: Cache, boot: Boot) -> bool:
    """Return whether `of_kernel` will use the cache, and not the guest."""
    return whole(_path(cache, boot), checksum.glance)


def cached(cache: Cache, boot: Boot) -> SymbolSource:
    """Return the symbols of a guest's kernel from the cache; none if no guest has been read yet."""
    return lambda: _parsed(_path(cache, boot)) + _of_hypervisor(boot)


def _path(cache: Cache, boot: Boot) -> Path:
    return cache.root / "symbols" / digest([boot.kernel.name, *boot.kernel_arguments])


def _of_hypervisor(boot: Boot) -> Symbols:
    """Return the symbols of the hypervisor that runs the kernel, if there is one."""
    try:
        return Symbols.of_efi((boot.sandbox.root / boot.architecture.hypervisor_symbols).read_bytes())
    except (OSError, ValueError):
        return Symbols()


def _parsed(path: Path) -> Symbols:
    try:
        return Symbols.of_kernel(path.read_bytes())
    except (OSError, ValueError):
        # The rest of a hang's report is still useful.
        return Symbols()
