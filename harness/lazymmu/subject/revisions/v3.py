# SPDX-License-Identifier: GPL-2.0-only
"""Version 3 of the series, 15 October 2025 (docs/semantics.md, "v3 and v4"): the proposal, with checks.

A call makes all its checks first. A check that fails is counted; the call then continues.
"""

from lazymmu.subject.limits import MAX_U8
from lazymmu.subject.revision import Caller
from lazymmu.subject.revisions import proposal
from lazymmu.subject.revisions.proposal import ProposalState

NAME = "v3"
TITLE = "version 3 of the series, 15 October 2025"
DATE = "2025-10-15"


def check(caller: Caller, *held: bool) -> None:
    """Warn of each check that did not hold."""
    for one in held:
        if not one:
            caller.warn()


def enable(state: ProposalState, caller: Caller) -> None:
    """Check that the count is below 255, and that a section is not paused."""
    check(caller, state.count < MAX_U8, state.count == 0 or state.enabled)
    proposal.enable(state, caller)


def disable(state: ProposalState, caller: Caller) -> None:
    """Check that the count is above 0, and the flag set."""
    check(caller, state.count > 0, state.enabled)
    proposal.disable(state, caller)


def pause(state: ProposalState, caller: Caller) -> None:
    """Check that the task is in a section that is not paused."""
    check(caller, state.count > 0 and state.enabled)
    proposal.pause(state, caller)


def resume(state: ProposalState, caller: Caller) -> None:
    """Check that the task is in a section that is paused."""
    check(caller, state.count > 0 and not state.enabled)
    proposal.resume(state, caller)


STATE = ProposalState
DEPTH = proposal.DEPTH
CALLS = {"enable": enable, "disable": disable, "pause": pause, "resume": resume}
