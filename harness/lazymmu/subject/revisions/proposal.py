# SPDX-License-Identifier: GPL-2.0-only
"""The proposal of 12 September 2025 (docs/semantics.md, "proposal and amended").

`hook` is a parameter of the calls whose amended form differs in nothing but the hook.
"""

from __future__ import annotations

from msgspec import Struct

from lazymmu.subject.rules import Caller, Rules, u8


class ProposalState(Struct):
    """`lazy_mmu_state` of the mails: the nesting level, and a flag that pause clears."""

    count: int = 0
    enabled: bool = False

    @property
    def active(self) -> bool:
        """Enabled: the count has no part in it, so a wrap to 0 leaves the mode on."""
        return self.enabled

    def named(self) -> dict[str, int | bool]:
        """Return count and enabled."""
        return {"count": self.count, "enabled": self.enabled}


def enable(state: ProposalState, caller: Caller, hook: str = "e") -> None:
    """Enter at count 0, with the flag set after the hook; the count moves last of all."""
    if state.count == 0:
        caller.hook(hook)
        state.enabled = True
    state.count = u8(state.count + 1)


def disable(state: ProposalState, caller: Caller) -> None:
    """Leave when the count becomes 0, with the flag cleared before the hook; otherwise flush."""
    state.count = u8(state.count - 1)
    if state.count == 0:
        state.enabled = False
        caller.hook("l")
    else:
        caller.hook("f")


def pause(state: ProposalState, caller: Caller, hook: str = "l") -> None:
    """Clear the flag, then leave: always, in a section or not, paused or not."""
    state.enabled = False
    caller.hook(hook)


def resume(state: ProposalState, caller: Caller, hook: str = "e") -> None:
    """Enter, then set the flag: always. The mail of 12 September has that second line."""
    caller.hook(hook)
    state.enabled = True


PROPOSAL = Rules(
    state=ProposalState,
    calls={"enable": enable, "disable": disable, "pause": pause, "resume": resume},
)
