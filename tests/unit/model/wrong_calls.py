# SPDX-License-Identifier: GPL-2.0-only
"""Slips in the calls and the state of a revision, where changing the right call's hooks does not make them."""

from __future__ import annotations

from harness.model import amended, merged
from harness.model.merged import MergedState
from harness.model.proposal import ProposalState
from harness.model.rules import Caller, u8


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
