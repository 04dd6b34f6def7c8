# SPDX-License-Identifier: GPL-2.0-only
"""Slips in the calls and the state of a revision, where changing the right call's hooks does not make them."""

from __future__ import annotations

from lazymmu.subject.revision import Caller, u8
from lazymmu.subject.revisions import amended, merged, v3, with_ptes
from lazymmu.subject.revisions.merged import MergedState
from lazymmu.subject.revisions.proposal import ProposalState
from lazymmu.subject.revisions.v4 import V4State


class WrapClearsEnabled(ProposalState):
    """Active only where the count is not 0."""

    @property
    def active(self) -> bool:
        return self.enabled and self.count > 0


class PauseIgnored(MergedState):
    """A paused section is active."""

    @property
    def active(self) -> bool:
        return self.enable_count > 0


def proposal_nested_enable_enters(state: ProposalState, caller: Caller) -> None:
    caller.hook("e")
    state.enabled = True
    state.count = u8(state.count + 1)


def proposal_enable_counts_before_the_hook(state: ProposalState, caller: Caller) -> None:
    state.count = u8(state.count + 1)
    if state.count == 1:
        caller.hook("e")
        state.enabled = True


def proposal_enable_sets_the_flag_before_the_hook(state: ProposalState, caller: Caller) -> None:
    if state.count == 0:
        state.enabled = True
        caller.hook("e")
    state.count = u8(state.count + 1)


def proposal_enable_adds_to_the_count_it_found(state: ProposalState, caller: Caller) -> None:
    found = state.count
    if found == 0:
        caller.hook("e")
        state.enabled = True
    state.count = u8(found + 1)


def proposal_disable_clears_the_flag_after_the_hook(state: ProposalState, caller: Caller) -> None:
    state.count = u8(state.count - 1)
    caller.hook("f" if state.count else "l")
    state.enabled = state.enabled and state.count > 0


def proposal_resume_forgets_the_flag(_state: ProposalState, caller: Caller) -> None:
    caller.hook("e")


def amended_resume_forgets_the_flag(_state: ProposalState, caller: Caller) -> None:
    caller.hook("r")


def proposal_pause_forgets_the_flag(_state: ProposalState, caller: Caller) -> None:
    caller.hook("l")


def amended_nested_x_calls_w(state: ProposalState, caller: Caller) -> None:
    if state.count > 0:
        caller.hook("w")
        state.count = u8(state.count + 1)
    else:
        amended.enable_with_ptes(state, caller)


def merged_nested_enable_enters(state: MergedState, caller: Caller) -> None:
    if state.pause_count == 0:
        state.enable_count = u8(state.enable_count + 1)
        caller.hook("e")


def merged_enable_counted_while_paused(state: MergedState, caller: Caller) -> None:
    if state.pause_count > 0:
        state.enable_count = u8(state.enable_count + 1)
    else:
        merged.enable(state, caller)


def merged_disable_honoured_while_paused(state: MergedState, caller: Caller) -> None:
    if state.pause_count > 0:
        state.enable_count = u8(state.enable_count - 1)
    else:
        merged.disable(state, caller)


def merged_pause_leaves_outside(state: MergedState, caller: Caller) -> None:
    state.pause_count = u8(state.pause_count + 1)
    if state.pause_count == 1:
        caller.hook("l")


def merged_nested_pause_leaves(state: MergedState, caller: Caller) -> None:
    state.pause_count = u8(state.pause_count + 1)
    if state.enable_count > 0:
        caller.hook("l")


def merged_resume_enters_while_paused(state: MergedState, caller: Caller) -> None:
    state.pause_count = u8(state.pause_count - 1)
    if state.enable_count > 0:
        caller.hook("e")


def merged_resume_enters_outside(state: MergedState, caller: Caller) -> None:
    state.pause_count = u8(state.pause_count - 1)
    if state.pause_count == 0:
        caller.hook("e")


def merged_one_resume_ends_all_pauses(state: MergedState, caller: Caller) -> None:
    state.pause_count = min(state.pause_count, 1)
    merged.resume(state, caller)


class V4WrapClearsFlag(V4State):
    """Active only where the level is not 0."""

    def __setattr__(self, name: str, value: int) -> None:
        super().__setattr__(name, value)
        if name == "nesting_level" and value == 0:
            super().__setattr__("active", False)


def v3_enable_sets_the_flag_before_the_hook(state: ProposalState, caller: Caller) -> None:
    if state.count == 0:
        state.enabled = True
    v3.enable(state, caller)


def v4_enable_sets_the_flag_after_the_hook(state: V4State, caller: Caller) -> None:
    enters = state.nesting_level == 0
    state.nesting_level = u8(state.nesting_level + 1)
    if enters:
        caller.hook("e")
        state.active = True


def v4_enable_counts_after_the_hook(state: V4State, caller: Caller) -> None:
    if state.nesting_level == 0:
        state.active = True
        caller.hook("e")
    state.nesting_level = u8(state.nesting_level + 1)


def with_ptes_nested_x_calls_w(state: MergedState, caller: Caller) -> None:
    if state.enable_count > 0 and state.pause_count == 0:
        state.enable_count = u8(state.enable_count + 1)
        caller.hook("w")
    else:
        with_ptes.enable_with_ptes(state, caller)


def with_ptes_x_counted_while_paused(state: MergedState, caller: Caller) -> None:
    if state.pause_count > 0:
        state.enable_count = u8(state.enable_count + 1)
    else:
        with_ptes.enable_with_ptes(state, caller)


def with_ptes_pause_calls_arch_pause(state: MergedState, caller: Caller) -> None:
    leaves = state.pause_count == 0 and state.enable_count > 0
    state.pause_count = u8(state.pause_count + 1)
    if leaves:
        caller.hook("p")


def with_ptes_resume_calls_arch_resume(state: MergedState, caller: Caller) -> None:
    state.pause_count = u8(state.pause_count - 1)
    if state.pause_count == 0 and state.enable_count > 0:
        caller.hook("r")
