# SPDX-License-Identifier: GPL-2.0-only
"""Version 3 of the series, 15 October 2025 (docs/semantics.md, "v3 and v4"): the proposal, with checks.

A call makes all its checks first. A check that fails is counted; the call then goes on.
"""

from __future__ import annotations

from lazymmu.subject.limits import MAX_U8
from lazymmu.subject.revision import Caller
from lazymmu.subject.revisions import proposal
from lazymmu.subject.revisions.proposal import ProposalState

NAME = "v3"
TITLE = "version 3 of the series, 15 October 2025"
DATE = "2025-10-15"


def enable(state: ProposalState, caller: Caller) -> None:
    """Check that the count is below 255, and that a section is not paused."""
    if not state.count < MAX_U8:
        caller.warn()
    if not (state.count == 0 or state.enabled):
        caller.warn()
    proposal.enable(state, caller)


def disable(state: ProposalState, caller: Caller) -> None:
    """Check that the count is above 0, and the flag set."""
    if not state.count > 0:
        caller.warn()
    if not state.enabled:
        caller.warn()
    proposal.disable(state, caller)


def pause(state: ProposalState, caller: Caller) -> None:
    """Check that the task is in a section that is not paused."""
    if not (state.count > 0 and state.enabled):
        caller.warn()
    proposal.pause(state, caller)


def resume(state: ProposalState, caller: Caller) -> None:
    """Check that the task is in a section that is paused."""
    if not (state.count > 0 and not state.enabled):
        caller.warn()
    proposal.resume(state, caller)


STATE = ProposalState
DEPTH = proposal.DEPTH
CALLS = {"enable": enable, "disable": disable, "pause": pause, "resume": resume}
