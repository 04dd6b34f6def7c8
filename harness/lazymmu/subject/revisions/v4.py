# SPDX-License-Identifier: GPL-2.0-only
"""Version 4 of the series, 29 October 2025 (docs/semantics.md, "v3 and v4"): v3 with the state changed first.

A call makes all its checks first. A check that fails is counted; the call then continues.
"""

from msgspec import Struct

from lazymmu.subject.limits import MAX_U8
from lazymmu.subject.revision import Caller, u8
from lazymmu.subject.revisions.v3 import check

NAME = "v4"
TITLE = "version 4 of the series, 29 October 2025"
DATE = "2025-10-29"


class V4State(Struct):
    """`lazy_mmu_state` of version 4: the count and the flag of the proposal under other names."""

    nesting_level: int = 0
    active: bool = False


def enable(state: V4State, caller: Caller) -> None:
    """Enter at nesting_level 0."""
    check(caller, state.nesting_level < MAX_U8, state.nesting_level == 0 or state.active)
    enters = state.nesting_level == 0
    state.nesting_level = u8(state.nesting_level + 1)
    if enters:
        state.active = True
        caller.hook("e")


def disable(state: V4State, caller: Caller) -> None:
    """Leave when nesting_level becomes 0, else flush."""
    check(caller, state.nesting_level > 0, state.active)
    state.nesting_level = u8(state.nesting_level - 1)
    if state.nesting_level == 0:
        state.active = False
        caller.hook("l")
    else:
        caller.hook("f")


def pause(state: V4State, caller: Caller) -> None:
    """Clear the flag, then leave."""
    check(caller, state.nesting_level > 0 and state.active)
    state.active = False
    caller.hook("l")


def resume(state: V4State, caller: Caller) -> None:
    """Set the flag, then enter."""
    check(caller, state.nesting_level > 0 and not state.active)
    state.active = True
    caller.hook("e")


STATE = V4State
DEPTH = "nesting_level"
CALLS = {"enable": enable, "disable": disable, "pause": pause, "resume": resume}
