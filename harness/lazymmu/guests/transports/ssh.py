# SPDX-License-Identifier: GPL-2.0-only
"""The SSH transport: units run in an agent that the guest's SSH server starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazymmu.guests.ssh_transport import SshTransport
    from lazymmu.provision.setup import Images

NAME = "ssh"
HELP = "an SSH server in the guest"


def create(images: Sequence[Images], *, offline: bool) -> SshTransport:
    """Fetch the guests' SSH server, unless it is there. Raises SetupError."""
    from lazymmu.guests import ssh_transport

    return ssh_transport.create(images, offline=offline)
