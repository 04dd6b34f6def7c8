# SPDX-License-Identifier: GPL-2.0-only
"""The API of Linux 7.0 and later (docs/semantics.md, "merged").

In every call the state changes before the hook; which hook is due, if any, is decided by then. `hook` is a parameter
of the call whose form with a range differs in nothing but the hook (`with_ptes.py`).
"""

from __future__ import annotations

from msgspec import Struct

from lazymmu.subject.rules import U8_MAX, Caller, Rules, u8


class MergedState(Struct):
    """`struct lazy_mmu_state` of include/linux/mm_types_task.h."""

    enable_count: int = 0
    pause_count: int = 0

    @property
    def active(self) -> bool:
        """In a section and not paused."""
        return self.enable_count > 0 and self.pause_count == 0

    def named(self) -> dict[str, int | bool]:
        """Return both counters."""
        return {"enable_count": self.enable_count, "pause_count": self.pause_count}


def enable(state: MergedState, caller: Caller, hook: str = "e") -> None:
    """Nothing in a pause, no warning either; otherwise enter at enable_count 0."""
    if state.pause_count > 0:
        return
    if state.enable_count == U8_MAX:
        caller.warn()
    enters = state.enable_count == 0
    state.enable_count = u8(state.enable_count + 1)
    if enters:
        caller.hook(hook)


def disable(state: MergedState, caller: Caller) -> None:
    """Nothing in a pause, no warning either; otherwise leave when enable_count is now 0, else flush."""
    if state.pause_count > 0:
        return
    if state.enable_count == 0:
        caller.warn()
    state.enable_count = u8(state.enable_count - 1)
    caller.hook("l" if state.enable_count == 0 else "f")


def pause(state: MergedState, caller: Caller) -> None:
    """Leave if this is the outermost pause and stands in a section."""
    if state.pause_count == U8_MAX:
        caller.warn()
    leaves = state.pause_count == 0 and state.enable_count > 0
    state.pause_count = u8(state.pause_count + 1)
    if leaves:
        caller.hook("l")


def resume(state: MergedState, caller: Caller) -> None:
    """Enter if this ends the outermost pause, in a section."""
    if state.pause_count == 0:
        caller.warn()
    state.pause_count = u8(state.pause_count - 1)
    if state.pause_count == 0 and state.enable_count > 0:
        caller.hook("e")


MERGED = Rules(
    state=MergedState,
    calls={"enable": enable, "disable": disable, "pause": pause, "resume": resume},
)
