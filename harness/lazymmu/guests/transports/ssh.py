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
    """Make this user's keys and fetch the guests' SSH server, unless both are there. Raises SetupError."""
    from lazymmu.guests import ssh_keys, ssh_transport

    return ssh_transport.create(ssh_keys.obtain(ssh_keys.default_folder()), images, offline=offline)
