# SPDX-License-Identifier: GPL-2.0-only
"""The API of Linux 7.0 and later (docs/semantics.md, "Merged").

Every call changes the state before its hook. `hook` is a parameter of enable because enable_with_ptes differs from it
only in the hook (`with_ptes.py`).
"""

from msgspec import Struct

from lazymmu.subject.limits import MAX_U8
from lazymmu.subject.revision import Caller, u8

NAME = "merged"
TITLE = "Linux 7.0 and later"
DATE = "2026"


class MergedState(Struct):
    """`struct lazy_mmu_state` of include/linux/mm_types_task.h."""

    enable_count: int = 0
    pause_count: int = 0

    @property
    def active(self) -> bool:
        """Whether the task is in a section and not paused."""
        return self.enable_count > 0 and self.pause_count == 0


def enable(state: MergedState, caller: Caller, hook: str = "e") -> None:
    """Do nothing in a pause; else enter at enable_count 0."""
    if state.pause_count > 0:
        return
    if state.enable_count == MAX_U8:
        caller.warn()
    enters = state.enable_count == 0
    state.enable_count = u8(state.enable_count + 1)
    if enters:
        caller.hook(hook)


def disable(state: MergedState, caller: Caller) -> None:
    """Do nothing in a pause; else leave when enable_count becomes 0, and flush otherwise."""
    if state.pause_count > 0:
        return
    if state.enable_count == 0:
        caller.warn()
    state.enable_count = u8(state.enable_count - 1)
    caller.hook("l" if state.enable_count == 0 else "f")


def pause(state: MergedState, caller: Caller) -> None:
    """Leave if this is the outermost pause of a section."""
    if state.pause_count == MAX_U8:
        caller.warn()
    leaves = state.pause_count == 0 and state.enable_count > 0
    state.pause_count = u8(state.pause_count + 1)
    if leaves:
        caller.hook("l")


def resume(state: MergedState, caller: Caller) -> None:
    """Enter if this ends the outermost pause of a section."""
    if state.pause_count == 0:
        caller.warn()
    state.pause_count = u8(state.pause_count - 1)
    if state.pause_count == 0 and state.enable_count > 0:
        caller.hook("e")


STATE = MergedState
DEPTH = "enable_count"
_CALLS = {"enable": enable, "disable": disable, "pause": pause, "resume": resume}
CALLS = {**_CALLS, "pause_task": pause, "resume_task": resume}
