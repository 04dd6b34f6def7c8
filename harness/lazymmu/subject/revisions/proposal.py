# SPDX-License-Identifier: GPL-2.0-only
"""The proposal of 12 September 2025 (docs/semantics.md, "Proposal and amended").

`hook` is a parameter of the calls that differ from the amended ones only in their hook.
"""

from msgspec import Struct

from lazymmu.subject.revision import Caller, u8

NAME = "proposal"
TITLE = "Brodsky's design of 12 September 2025"
DATE = "2025-09-12"


class ProposalState(Struct):
    """`lazy_mmu_state` of the mails: the nesting level, and a flag that pause clears."""

    count: int = 0
    enabled: bool = False

    @property
    def active(self) -> bool:
        """Whether the mode is on, whatever the count: a wrap to 0 leaves it on."""
        return self.enabled


def enable(state: ProposalState, caller: Caller, hook: str = "e") -> None:
    """Enter at count 0, set the flag after the hook, and the count last."""
    if state.count == 0:
        caller.hook(hook)
        state.enabled = True
    state.count = u8(state.count + 1)


def disable(state: ProposalState, caller: Caller) -> None:
    """Leave when the count becomes 0, with the flag cleared before the hook; else flush."""
    state.count = u8(state.count - 1)
    if state.count == 0:
        state.enabled = False
        caller.hook("l")
    else:
        caller.hook("f")


def pause(state: ProposalState, caller: Caller, hook: str = "l") -> None:
    """Clear the flag, then leave, in a section or not, paused or not."""
    state.enabled = False
    caller.hook(hook)


def resume(state: ProposalState, caller: Caller, hook: str = "e") -> None:
    """Enter, then set the flag, as the mail of 12 September has it."""
    caller.hook(hook)
    state.enabled = True


STATE = ProposalState
DEPTH = "count"
CALLS = {"enable": enable, "disable": disable, "pause": pause, "resume": resume}
