# SPDX-License-Identifier: GPL-2.0-only
"""The proposal with the points of 15 September 2025 (docs/semantics.md, "Proposal and amended").

The state moves as in the proposal; only the hooks differ. Where an architecture defines no arch_pause and
arch_resume, the simulator calls leave and enter instead.
"""

from lazymmu.subject.revision import Caller
from lazymmu.subject.revisions import proposal
from lazymmu.subject.revisions.proposal import ProposalState

NAME = "amended"
TITLE = "the proposal with Gordeev's points of 15 September 2025"
DATE = "2025-09-15"


def enable_with_ptes(state: ProposalState, caller: Caller) -> None:
    """As enable, with `w` instead of `e`."""
    proposal.enable(state, caller, hook="w")


def pause(state: ProposalState, caller: Caller) -> None:
    """As the proposal's, with arch_pause: leave would lose the range given to `w`."""
    proposal.pause(state, caller, hook="p")


def resume(state: ProposalState, caller: Caller) -> None:
    """As the proposal's, with arch_resume: the caller of resume does not know the range given to `w`."""
    proposal.resume(state, caller, hook="r")


STATE = ProposalState
DEPTH = proposal.DEPTH
CALLS = {**proposal.CALLS, "enable_with_ptes": enable_with_ptes, "pause": pause, "resume": resume}
