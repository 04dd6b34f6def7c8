# SPDX-License-Identifier: GPL-2.0-only
"""Hooks and counters, in the order in which reports show them (docs/semantics.md, "Notation")."""

from lazymmu.subject.implementations import IMPLEMENTATIONS, MODULE, shows_table
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES

#: Letter in a hook trace -> counter of that hook.
HOOKS = {
    "e": "arch_enter",
    "l": "arch_leave",
    "f": "arch_flush",
    "p": "arch_pause",
    "r": "arch_resume",
    "w": "arch_enter_with_ptes",
}

#: Counters of calls and hooks.
CALLS_AND_HOOKS = frozenset((*CALLS, *HOOKS.values()))
#: Counters that every personality has, beside calls and hooks.
WRITES = ("deferred", "direct")
COMMON_COUNTERS = (*WRITES, "warnings", "atomic_sleeps")


def counter_names(personality: str, impl: str = MODULE) -> tuple[str, ...]:
    """Return every counter that a trace of this personality holds, in report order."""
    visible = (*CALLS, *HOOKS.values())
    if not shows_table(personality, impl):
        return visible
    # The kernel's own checks exist only with CONFIG_DEBUG_VM, and CONFIG_DEBUG_ATOMIC_SLEEP.
    common = WRITES if IMPLEMENTATIONS[impl].hooks_only else COMMON_COUNTERS
    return (*visible, *common, *PERSONALITIES[personality].COUNTERS)
