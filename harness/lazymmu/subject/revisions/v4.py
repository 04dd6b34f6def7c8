# SPDX-License-Identifier: GPL-2.0-only
"""Version 4 of the series, 29 October 2025 (docs/semantics.md, "v3 and v4"): v3 with all state before the hook.

All checks of a call are made when it begins. One that fails is counted, and the call does what it does otherwise.
"""

from __future__ import annotations

from msgspec import Struct

from lazymmu.subject.rules import U8_MAX, Caller, Rules, u8


class V4State(Struct):
    """`lazy_mmu_state` of version 4: the count and the flag of the proposal under other names."""

    nesting_level: int = 0
    active: bool = False

    def named(self) -> dict[str, int | bool]:
        """Return nesting_level and the flag."""
        return {"nesting_level": self.nesting_level, "active": self.active}


def enable(state: V4State, caller: Caller) -> None:
    """Enter at nesting_level 0, with level and flag moved before the hook."""
    if not state.nesting_level < U8_MAX:
        caller.warn()
    if not (state.nesting_level == 0 or state.active):
        caller.warn()
    enters = state.nesting_level == 0
    state.nesting_level = u8(state.nesting_level + 1)
    if enters:
        state.active = True
        caller.hook("e")


def disable(state: V4State, caller: Caller) -> None:
    """Leave when nesting_level becomes 0, with the flag cleared before the hook; otherwise flush."""
    if not state.nesting_level > 0:
        caller.warn()
    if not state.active:
        caller.warn()
    state.nesting_level = u8(state.nesting_level - 1)
    if state.nesting_level == 0:
        state.active = False
        caller.hook("l")
    else:
        caller.hook("f")


def pause(state: V4State, caller: Caller) -> None:
    """Clear the flag, then leave: always."""
    if not (state.nesting_level > 0 and state.active):
        caller.warn()
    state.active = False
    caller.hook("l")


def resume(state: V4State, caller: Caller) -> None:
    """Set the flag, then enter: always."""
    if not (state.nesting_level > 0 and not state.active):
        caller.warn()
    state.active = True
    caller.hook("e")


V4 = Rules(
    state=V4State,
    calls={"enable": enable, "disable": disable, "pause": pause, "resume": resume},
)
