# SPDX-License-Identifier: GPL-2.0-only
"""The serial transport: units run over the virtio-serial channel of the guest's init, which every guest has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lazymmu.guests.transports import Transport

if TYPE_CHECKING:
    from lazymmu.provision.setup import Images

NAME = "serial"
HELP = "the guest's virtio-serial port"
SERIAL = Transport()


def create(images: Sequence[Images], *, offline: bool) -> Transport:
    """Return the transport, which needs no preparation."""
    return SERIAL
