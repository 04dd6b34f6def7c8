# SPDX-License-Identifier: GPL-2.0-only
"""A whole answer of a guest: a transport makes it, guestlink reads it."""

from __future__ import annotations

from msgspec import Struct


class AgentReply(Struct, frozen=True):
    """The errno of the request (0: well) and the text of the kernel's log records, in order."""

    status: int
    records: tuple[str, ...]
    #: Level (0: emergency .. 7: debug) and text of those records that are not the module's.
    foreign: tuple[tuple[int, str], ...] = ()
    #: Content of the file that a `read` asked for; None without one.
    content: bytes | None = None
