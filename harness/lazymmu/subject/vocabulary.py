# SPDX-License-Identifier: GPL-2.0-only
"""The words that scenarios, the model, the module and the reports share, as data (docs/semantics.md).

A new revision or personality is a new entry here, beside its state machine in `simulator.py` and its
C file in `guest/module`.
"""

from __future__ import annotations

from msgspec import Struct

#: Calls of the API that are counted, in the order in which reports show them.
CALLS = ("enable", "disable", "pause", "resume", "enable_with_ptes", "flush")

#: Operations that have an answer; the answers of a run, in order, are the `values` of its trace.
ANSWERING = ("touch", "get_pte", "clear_pte", "load")

#: Operations whose list of steps runs in another context.
CONTEXTS = ("interrupt", "softirq", "bh_disabled", "irqs_off")

#: Operations at which the running task leaves its CPU, or a new one comes to be: they need preemption.
LEAVING = ("switch", "migrate", "sleep", "fork")

#: P and R on another task's state; not counted as calls (docs/semantics.md, "Merged").
TASK_CALLS = ("pause_task", "resume_task")

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


class Revision(Struct, frozen=True):
    """One published design of the API."""

    name: str
    #: What it is, for `lazymmu list` and error messages.
    title: str
    #: Operations of `CALLS` and `TASK_CALLS` that it has. `flush` is the harness's own and belongs to every revision.
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
            name="v3",
            title="version 3 of the series, 15 October 2025",
            operations=_BASE,
            state=(("count", int), ("enabled", bool)),
            depth="count",
        ),
        Revision(
            name="v4",
            title="version 4 of the series, 29 October 2025",
            operations=_BASE,
            state=(("nesting_level", int), ("active", bool)),
            depth="nesting_level",
        ),
        Revision(
            name="merged",
            title="Linux 7.0 and later",
            operations=_BASE | {*TASK_CALLS},
            state=(("enable_count", int), ("pause_count", int)),
            depth="enable_count",
        ),
        Revision(
            name="with-ptes",
            title="merged with enable_with_ptes, the s390 series of 2026",
            operations=_BASE | {"enable_with_ptes", *TASK_CALLS},
            state=(("enable_count", int), ("pause_count", int)),
            depth="enable_count",
        ),
    )
}

#: Revisions that a run covers when none is named.
DEFAULT_REVISIONS = ("amended", "merged")


class Implementation(Struct, frozen=True):
    """Whose functions are under test."""

    name: str
    #: What it is, for help and error messages.
    title: str
    #: Revisions of which it can be one.
    revisions: frozenset[str]
    #: Calls, hooks and the tasks' state are all that is seen of it: the page table is the kernel's business.
    hooks_only: bool = False
    #: Operations that it does not have, whatever the revision.
    lacks: frozenset[str] = frozenset()


#: The implementation that the module brings along, of every revision.
MODULE = "module"
#: The running kernel's own.
NATIVE = "native"
#: That of a header's text.
HEADER = "header"

IMPLEMENTATIONS = {
    implementation.name: implementation
    for implementation in (
        Implementation(name=MODULE, title="the module's own", revisions=frozenset(REVISIONS)),
        Implementation(
            name=NATIVE,
            title="the running kernel's own",
            revisions=frozenset({"merged"}),
            hooks_only=True,
            # No module can fork the thread that runs it.
            lacks=frozenset({"fork"}),
        ),
        Implementation(name=HEADER, title="a header's text", revisions=frozenset({"merged", "with-ptes"})),
    )
}

#: The kernel of a guest when none is named (images/kernels.yaml).
DEFAULT_KERNEL = "lts"


def machine_name(arch: str, kernel: str) -> str:
    """Return the name of a guest for a person: its architecture, and its kernel when that is not the usual one."""
    return arch if kernel == DEFAULT_KERNEL else f"{arch} {kernel}"


class Personality(Struct, frozen=True):
    """How one architecture puts updates off."""

    name: str
    #: Counters of its own, beside the common ones.
    counters: tuple[str, ...]
    #: What the kernel's own implementation keeps for a task beside the revision's state, as `Revision.state`.
    native_state: tuple[tuple[str, type], ...] = ()


PERSONALITIES = {
    personality.name: personality
    for personality in (
        # TIF_LAZY_MMU_PENDING
        Personality(name="arm64", counters=("barriers",), native_state=(("pending", bool),)),
        Personality(name="s390x", counters=("iptes", "ipte_entries")),
        Personality(name="x86_64", counters=("multicalls", "updates")),
    )
}

#: Entries of the module's private page table; ranges lie in 0 .. TABLE_ENTRIES.
TABLE_ENTRIES = 256

#: Operations of one case after expansion, blocks and checks included.
MAX_OPERATIONS = 65_536

#: Operations inside one context, at any depth.
MAX_CONTEXT_OPERATIONS = 4_096

#: How deep `before_hook` may nest.
MAX_BEFORE_HOOK_DEPTH = 8

#: The task that every scenario starts in.
MAIN_TASK = "main"

#: Tasks of one case, `main` and forked ones included.
MAX_TASKS = 64

#: Characters in a task's name.
MAX_TASK_NAME = 32

#: CPUs of a guest that scenarios use: 0 and 1.
CPUS = 2

#: Longest `sleep`, in milliseconds.
MAX_SLEEP_MS = 1000


def counter_names(personality: str, impl: str = MODULE) -> tuple[str, ...]:
    """Return every counter that a trace of this personality holds, in report order."""
    seen = (*CALLS, *HOOKS.values())
    if IMPLEMENTATIONS[impl].hooks_only:
        return seen
    return (*seen, *COMMON_COUNTERS, *PERSONALITIES[personality].counters)


def state_of(api: str, personality: str, impl: str = MODULE) -> tuple[tuple[str, type], ...]:
    """Return what a trace tells of a task's state, in report order: names with their types, as `Revision.state`."""
    native = PERSONALITIES[personality].native_state if impl == NATIVE else ()
    return (*REVISIONS[api].state, *native)
