# SPDX-License-Identifier: GPL-2.0-only
"""One conversation with QEMU's monitor (QMP), with one deadline: to save a guest, or to find out why it hangs."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from qemu.qmp import QMPClient, QMPError

from lazymmu.support.deadline import Deadline

T = TypeVar("T")


class MonitorError(Exception):
    """QEMU's monitor refused something, or did not answer in time."""


def converse(monitor: socket.socket, talk: Callable[[QMPClient], Awaitable[T]], deadline: Deadline) -> T:
    """Connect to a monitor, and return what `talk` returns. The socket cannot be used again. Raises MonitorError."""

    async def conversation() -> T:
        client = QMPClient("lazymmu")
        try:
            async with asyncio.timeout(deadline.remaining()):
                await client.connect(monitor)
                return await talk(client)
        finally:
            await client.disconnect()

    try:
        return asyncio.run(conversation())
    except (QMPError, OSError, EOFError, TimeoutError) as error:
        raise MonitorError(str(error) or f"no answer within {deadline.budget:.0f} s") from error
