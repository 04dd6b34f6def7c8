# SPDX-License-Identifier: GPL-2.0-only
"""Names for a guest's addresses: its kernel's are saved at the first boot, its module's follow from where it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.symbols import Symbols
from lazymmu.provision import checksum
from lazymmu.provision.cache import Cache, digest, whole
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError, SetupError

_KALLSYMS = "/proc/kallsyms"
_TEXT = "/sys/module/lazymmu/sections/.text"

#: Gives the names that are known; reading a kernel's takes a moment, so it is done when somebody asks.
Names = Callable[[], Symbols]


def of_kernel(cache: Cache, boot: Boot, line: AgentConnection, deadline: Deadline) -> Names:
    """Return the names of a guest's kernel, asked of the guest itself when no boot before has saved them."""
    target = _kept(cache, boot)

    def save(partial: Path) -> None:
        partial.write_bytes(line.read(_KALLSYMS, deadline))

    try:
        path = cache.obtain(target, f"symbols of {boot.architecture.name}", save, look=checksum.glance)
    except (OSError, SetupError):
        # A cache that cannot be written (full, read-only) must not cost a run; only a hang is told by bare addresses.
        return Symbols
    return lambda: _read(path)


def known(cache: Cache, boot: Boot) -> bool:
    """Return whether `of_kernel` will ask the guest nothing."""
    return whole(_kept(cache, boot), checksum.glance)


def kept(cache: Cache, boot: Boot) -> Names:
    """Return the names of a guest's kernel as an earlier boot saved them; there are none before the first."""
    path = _kept(cache, boot)
    return lambda: _read(path)


def _kept(cache: Cache, boot: Boot) -> Path:
    return cache.root / "symbols" / digest([boot.kernel.name, *boot.kernel_arguments])


def _read(path: Path) -> Symbols:
    try:
        return Symbols.of_kernel(path.read_bytes())
    except (OSError, ValueError):
        # A damaged entry must not cost the rest of what is known of a hang.
        return Symbols()


def ask_module(line: AgentConnection) -> None:
    """Ask where the module lies, ahead of `module_place`."""
    line.send("read", _TEXT.encode())


def module_place(line: AgentConnection, deadline: Deadline) -> int:
    """Return the address of the module's code, once `ask_module` asked."""
    told = line.await_read(_TEXT, deadline)
    try:
        return int(told, 16)
    except ValueError:
        raise GuestError(f"{_TEXT} in the guest is no address: {told[:100]!r}") from None
