# SPDX-License-Identifier: GPL-2.0-only
"""Hooks and counters, in the order in which reports show them (docs/semantics.md, "Notation")."""

from collections.abc import Collection

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
#: What checks find. Natively they are the kernel's: with CONFIG_DEBUG_VM, and with CONFIG_DEBUG_ATOMIC_SLEEP.
WARNINGS, ATOMIC_SLEEPS = "warnings", "atomic_sleeps"
CHECKS = (WARNINGS, ATOMIC_SLEEPS)
COMMON_COUNTERS = (*WRITES, *CHECKS)


def counter_names(personality: str, impl: str = MODULE, checks: Collection[str] = ()) -> tuple[str, ...]:
    """Return every counter that a trace of this personality holds, in report order.

    `checks` are those of CHECKS that a trace of the running kernel's own implementation has, too.
    """
    table = shows_table(personality, impl)
    found = (name for name in CHECKS if name in checks or not IMPLEMENTATIONS[impl].hooks_only)
    own = PERSONALITIES[personality].COUNTERS if table else ()
    return (*CALLS, *HOOKS.values(), *(WRITES if table else ()), *found, *own)
