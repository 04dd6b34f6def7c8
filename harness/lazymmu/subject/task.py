# SPDX-License-Identifier: GPL-2.0-only
"""A task of a run: declared, forked, or `main`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Task(Struct, eq=False):
    """One task. A personality keeps what it knows of the task by the task's name."""

    name: str
    #: The CPU on which it runs, or ran last.
    cpu: int
    #: Its state of the API: the revision's STATE.
    state: Any
