# SPDX-License-Identifier: GPL-2.0-only
"""What a guest's kernel, QEMU or the sandbox said about trouble: one finding for each thing that went wrong."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much of a guest is left after a finding; the worst is last."""

    #: The kernel reported a WARN() and continues. A scenario may allow it.
    WARNING = "warning"
    #: The guest may still answer, but its kernel cannot be trusted: an oops, a BUG(), a lockup, a stall.
    ERROR = "error"
    #: The guest is dead: the kernel panicked or QEMU aborted.
    FATAL = "fatal"


class Finding(Struct, frozen=True):
    """One thing that went wrong, with everything that was said about it."""

    #: Which sort of trouble, as "soft-lockup": stable, for programs.
    kind: str
    #: One line for a person; addresses, process ids and offsets, which change from run to run, are left out.
    title: str
    severity: Severity
    #: All lines that belong to it, as printed, without control characters and carriage returns.
    text: str
    #: Where it begins in the text that was searched; counts from 1.
    line: int
