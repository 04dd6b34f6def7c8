# SPDX-License-Identifier: GPL-2.0-only
"""The words that scenarios, the model, the module and the reports share, as data (docs/semantics.md).

A new revision or personality is a new entry here, beside its state machine in `harness/model` and its
C file in `guest/module`.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Calls of the API that are counted, in the order in which reports show them.
CALLS = ("enable", "disable", "pause", "resume", "enable_with_ptes", "flush")

#: Letter in a hook trace -> counter of that hook (docs/semantics.md, "Notation").
HOOKS = {
    "e": "arch_enter",
    "l": "arch_leave",
    "f": "arch_flush",
    "p": "arch_pause",
    "r": "arch_resume",
    "w": "arch_enter_with_ptes",
}

#: Counters that every personality has, beside calls and hooks.
COMMON_COUNTERS = ("deferred", "direct", "warnings")


@dataclass(frozen=True, slots=True)
class Revision:
    """One published design of the API."""

    name: str
    #: What it is, for `lazymmu list` and error messages.
    title: str
    #: Operations of `CALLS` that it has. `flush` is the harness's own and belongs to every revision.
    operations: frozenset[str]
    #: Its own names of a task's state, in order, with their Python types (int: u8 counter, bool: flag).
    state: tuple[tuple[str, type], ...]
    #: The state that `check: {depth: ..}` reads.
    depth: str


_BASE = frozenset({"enable", "disable", "pause", "resume", "flush"})

REVISIONS = {
    revision.name: revision
    for revision in (
        Revision(
            name="proposal",
            title="Brodsky's design of 12 September 2025",
            operations=_BASE,
            state=(("count", int), ("enabled", bool)),
            depth="count",
        ),
        Revision(
            name="amended",
            title="the proposal with Gordeev's points of 15 September 2025",
            operations=_BASE | {"enable_with_ptes"},
            state=(("count", int), ("enabled", bool)),
            depth="count",
        ),
        Revision(
            name="merged",
            title="Linux 7.0 and later",
            operations=_BASE,
            state=(("enable_count", int), ("pause_count", int)),
            depth="enable_count",
        ),
    )
}

#: Revisions that a run covers when none is named.
DEFAULT_REVISIONS = ("amended", "merged")

#: Revisions described in docs/semantics.md that neither the model nor the module has yet.
PLANNED_REVISIONS = ("v3", "v4", "with-ptes")


@dataclass(frozen=True, slots=True)
class Personality:
    """How one architecture puts updates off."""

    name: str
    #: Counters of its own, beside the common ones.
    counters: tuple[str, ...]
    #: Whether it defines arch_pause and arch_resume; where it does not, pause calls leave and resume enter.
    has_pause_hooks: bool


PERSONALITIES = {
    personality.name: personality
    for personality in (
        Personality(name="arm64", counters=("barriers",), has_pause_hooks=False),
        Personality(name="s390x", counters=("iptes", "ipte_entries"), has_pause_hooks=True),
        Personality(name="x86_64", counters=("multicalls", "updates"), has_pause_hooks=False),
    )
}

#: Entries of the module's private page table; ranges lie in 0 .. TABLE_ENTRIES.
TABLE_ENTRIES = 256

#: Operations of one case after expansion, blocks and checks included.
MAX_OPERATIONS = 65_536

#: Operations inside one interrupt block, at any depth.
MAX_CONTEXT_OPERATIONS = 4_096

#: How deep `before_hook` may nest.
MAX_BEFORE_HOOK_DEPTH = 8

#: The task that every scenario starts in.
MAIN_TASK = "main"


def counter_names(personality: str) -> tuple[str, ...]:
    """Return every counter that a trace of this personality holds, in report order."""
    return (*CALLS, *HOOKS.values(), *COMMON_COUNTERS, *PERSONALITIES[personality].counters)
