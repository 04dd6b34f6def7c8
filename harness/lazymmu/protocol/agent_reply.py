# SPDX-License-Identifier: GPL-2.0-only
"""The reply of a guest's agent to one request. A transport receives it, and `report` reads the trace in it."""

from msgspec import Struct


class AgentReply(Struct, frozen=True):
    """A complete reply: the errno of the request, 0 if it succeeded, and the kernel's log records in order."""

    status: int
    records: tuple[str, ...]
    #: Level (0: emergency .. 7: debug) and text of the records that are not the module's.
    foreign: tuple[tuple[int, str], ...] = ()
    #: Content of the file that a `read` asked for; None for other requests.
    content: bytes | None = None
