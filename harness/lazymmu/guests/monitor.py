# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor (QMP), to save a guest or find out what is wrong: one conversation, with one deadline."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from qemu.qmp import QMPClient, QMPError

from lazymmu.support.deadline import Deadline

T = TypeVar("T")


class MonitorError(Exception):
    """QEMU's monitor did not answer, or not in time."""


def converse(line: socket.socket, talk: Callable[[QMPClient], Awaitable[T]], deadline: Deadline) -> T:
    """Connect to the monitor at the other end of a socket, and return what `talk` returns.

    The socket is used up. Raises MonitorError.
    """

    async def whole() -> T:
        client = QMPClient("lazymmu")
        try:
            async with asyncio.timeout(deadline.remaining()):
                await client.connect(line)
                return await talk(client)
        finally:
            await client.disconnect()

    try:
        return asyncio.run(whole())
    except (QMPError, OSError, EOFError, TimeoutError) as error:
        raise MonitorError(str(error) or f"no answer within {deadline.budget:.0f} s") from error


async def human(client: QMPClient, command: str, **arguments: Any) -> str:
    """Return what a command of the human monitor prints."""
    text = await client.execute("human-monitor-command", {"command-line": command, **arguments})
    return str(text)
