# SPDX-License-Identifier: GPL-2.0-only
"""A finding: one thing that went wrong, as a guest's kernel, QEMU or the sandbox reported it."""

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
    """One thing that went wrong, with all lines about it."""

    #: The sort of trouble for programs, as "soft-lockup". Kinds are stable.
    kind: str
    #: One line for a person. It leaves out addresses, process ids and offsets, which differ between runs.
    title: str
    severity: Severity
    #: All lines of the report as printed, without control characters.
    text: str
    #: Number of its first line in the text, from 1.
    line: int
