# SPDX-License-Identifier: GPL-2.0-only
"""A task of a run: declared, forked, or `main`."""

from __future__ import annotations

from msgspec import Struct

from lazymmu.subject.rules import State


class Task(Struct, eq=False):
    """One task; what a personality knows of it, the personality keeps by its name."""

    name: str
    #: The CPU on which it runs, or ran last.
    cpu: int
    #: Its state of the API: the task's own, whichever CPU it is on.
    state: State
