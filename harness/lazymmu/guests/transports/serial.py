# SPDX-License-Identifier: GPL-2.0-only
"""The serial transport: units run over the virtio-serial channel of the guest's init, which every guest has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from lazymmu.guests.agent_connection import AgentConnection
    from lazymmu.guests.boot import Boot
    from lazymmu.provision.kernels import InstalledKernel
    from lazymmu.provision.setup import Images
    from lazymmu.support.deadline import Deadline

NAME = "serial"
HELP = "the guest's virtio-serial port"


class SerialTransport(Struct, frozen=True):
    """Uses the control connection as it is."""

    direct = True

    def adapt_boot(self, boot: Boot, kernel: InstalledKernel) -> Boot:
        """Return the boot unchanged."""
        return boot

    def ensure_bootable(self, images: Images, boot: Boot, kernel: InstalledKernel) -> None:
        """Do nothing: every guest has the port."""

    def send_ahead(self, control: AgentConnection) -> None:
        """Do nothing: the agent already listens."""

    @contextmanager
    def connect(self, control: AgentConnection, deadline: Deadline) -> Iterator[AgentConnection]:
        """Yield the control connection."""
        yield control


SERIAL = SerialTransport()


def create(images: Sequence[Images], *, offline: bool) -> SerialTransport:
    """Return the transport, which needs no preparation."""
    return SERIAL
