# SPDX-License-Identifier: GPL-2.0-only
"""The proposal with the points of 15 September 2025 (docs/semantics.md, "proposal and amended").

The state moves as in the proposal; what differs is which hook is called. Where an architecture defines no
arch_pause and arch_resume, the caller of the hook falls back (`harness/lazymmu/subject/simulated_run.py`).
"""

from __future__ import annotations

from lazymmu.subject.revisions import proposal
from lazymmu.subject.revisions.proposal import PROPOSAL, ProposalState
from lazymmu.subject.rules import Caller, Rules


def enable_with_ptes(state: ProposalState, caller: Caller) -> None:
    """As enable, with `w` instead of `e`."""
    proposal.enable(state, caller, hook="w")


def pause(state: ProposalState, caller: Caller) -> None:
    """As the proposal's, with arch_pause: leave would lose what the architecture was told by `w`."""
    proposal.pause(state, caller, hook="p")


def resume(state: ProposalState, caller: Caller) -> None:
    """As the proposal's, with arch_resume: its caller does not know the parameters given to `w`."""
    proposal.resume(state, caller, hook="r")


AMENDED = Rules(
    state=ProposalState,
    calls={**PROPOSAL.calls, "enable_with_ptes": enable_with_ptes, "pause": pause, "resume": resume},
)
