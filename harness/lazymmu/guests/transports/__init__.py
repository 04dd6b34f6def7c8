# SPDX-License-Identifier: GPL-2.0-only
"""Transports: how the harness reaches an agent in a guest. Each file is one.

Whatever the transport, harness and agent exchange the requests and replies of docs/protocol.md, section 3, over a
stream of bytes. A transport opens that stream; `AgentConnection` does the rest, for any socket.

A file defines NAME, HELP (a few words for the flag's help) and `create`. The command line reads all files for its help,
so a file imports what is slow to load inside its functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from lazymmu.support.catalogue import Catalogue

if TYPE_CHECKING:
    from lazymmu.guests.agent_connection import AgentConnection
    from lazymmu.guests.boot import Boot
    from lazymmu.provision.kernels import InstalledKernel
    from lazymmu.provision.setup import Images
    from lazymmu.support.deadline import Deadline


class Transport:
    """Reaches agents over the channel of the guest's init, which is the control connection. Others override this.

    Any number of threads may use one transport.
    """

    #: True if units run over the control connection, so that they can be sent before the guest is restored.
    direct = True

    def adapt_boot(self, boot: Boot, kernel: InstalledKernel) -> Boot:
        """Return the boot of a guest that this transport can reach, made from the boot of any guest."""
        return boot

    def ensure_bootable(self, images: Images, boot: Boot, kernel: InstalledKernel) -> None:
        """Make the files that `adapt_boot` names. Raises SetupError."""

    def send_ahead(self, control: AgentConnection) -> None:
        """Send the requests for the guest's init whose replies `connect` waits for. The guest need not run yet."""

    @contextmanager
    def connect(self, control: AgentConnection, deadline: Deadline) -> Iterator[AgentConnection]:
        """Connect to an agent for the length of a `with`, after `send_ahead`. Raises GuestError."""
        yield control


class TransportFile(Protocol):
    """One file of this folder."""

    NAME: str
    HELP: str

    def create(self, images: Sequence[Images], *, offline: bool) -> Transport:
        """Return the transport for guests of these images, after fetching what it needs. Raises SetupError."""


#: The transport of a run that names none.
DEFAULT = "serial"

TRANSPORTS: Catalogue[TransportFile] = Catalogue(__name__, "transport", {"HELP": str, "create": callable})
