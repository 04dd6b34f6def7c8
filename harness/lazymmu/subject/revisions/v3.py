# SPDX-License-Identifier: GPL-2.0-only
"""Version 3 of the series, 15 October 2025 (docs/semantics.md, "v3 and v4"): the proposal, with checks.

All checks of a call are made when it begins. One that fails is counted, and the call does what it does otherwise.
"""

from __future__ import annotations

from lazymmu.subject.revisions import proposal
from lazymmu.subject.revisions.proposal import ProposalState
from lazymmu.subject.rules import U8_MAX, Caller, Rules


def enable(state: ProposalState, caller: Caller) -> None:
    """Neither at 255 nor in a pause; then as the proposal's, its state after the hook."""
    if not state.count < U8_MAX:
        caller.warn()
    if not (state.count == 0 or state.enabled):
        caller.warn()
    proposal.enable(state, caller)


def disable(state: ProposalState, caller: Caller) -> None:
    """Neither at 0 nor in a pause; then as the proposal's."""
    if not state.count > 0:
        caller.warn()
    if not state.enabled:
        caller.warn()
    proposal.disable(state, caller)


def pause(state: ProposalState, caller: Caller) -> None:
    """In a section that is not paused; then as the proposal's."""
    if not (state.count > 0 and state.enabled):
        caller.warn()
    proposal.pause(state, caller)


def resume(state: ProposalState, caller: Caller) -> None:
    """In a section that is paused; then as the proposal's, its flag after the hook."""
    if not (state.count > 0 and not state.enabled):
        caller.warn()
    proposal.resume(state, caller)


V3 = Rules(
    state=ProposalState,
    calls={"enable": enable, "disable": disable, "pause": pause, "resume": resume},
)
