# SPDX-License-Identifier: GPL-2.0-only
"""Slips that a model of this API invites: the examples of this folder must tell each from the right one.

Most are the mutants of docs/semantics.md, "Mutants that the scenarios must kill", as far as they are about the
revisions.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.model import REVISIONS, amended, merged, proposal
from harness.model.merged import MergedState
from harness.model.proposal import ProposalState

from . import test_amended, test_merged, test_proposal, wrong_calls, wrong_runs
from .example import Example
from .slip import Slip, hook_first, hook_last, rehooked, saturating, skipped_if, unchecked

EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "proposal": test_proposal.EXAMPLES,
    "amended": test_amended.EXAMPLES,
    "merged": test_merged.EXAMPLES,
}

PROPOSAL = (
    Slip("nested disable without flush", "proposal", {"disable": rehooked(proposal.disable, {"f": ""})}),
    Slip("nested disable leaves", "proposal", {"disable": rehooked(proposal.disable, {"f": "l"})}),
    Slip("nested enable enters", "proposal", {"enable": wrong_calls.proposal_nested_enable_enters}),
    Slip("disable at 0 does nothing", "proposal", {"disable": skipped_if(lambda s: s.count == 0, proposal.disable)}),
    Slip("enable: count before the hook", "proposal", {"enable": wrong_calls.proposal_enable_counts_before_the_hook}),
    Slip(
        "enable: flag before the hook",
        "proposal",
        {"enable": wrong_calls.proposal_enable_sets_the_flag_before_the_hook},
    ),
    Slip("enable: both before the hook", "proposal", {"enable": hook_last(proposal.enable)}),
    Slip(
        "enable adds to the count it found",
        "proposal",
        {"enable": wrong_calls.proposal_enable_adds_to_the_count_it_found},
    ),
    Slip("disable: count and flag after the hook", "proposal", {"disable": hook_first(proposal.disable)}),
    Slip(
        "disable: flag after the hook",
        "proposal",
        {"disable": wrong_calls.proposal_disable_clears_the_flag_after_the_hook},
    ),
    Slip("pause: flag after the hook", "proposal", {"pause": hook_first(proposal.pause)}),
    Slip("resume: flag before the hook", "proposal", {"resume": hook_last(proposal.resume)}),
    Slip("pause forgets the flag", "proposal", {"pause": wrong_calls.proposal_pause_forgets_the_flag}),
    Slip("resume forgets the flag", "proposal", {"resume": wrong_calls.proposal_resume_forgets_the_flag}),
    Slip("pause only while enabled", "proposal", {"pause": skipped_if(lambda s: not s.enabled, proposal.pause)}),
    Slip("pause only in a section", "proposal", {"pause": skipped_if(lambda s: s.count == 0, proposal.pause)}),
    Slip("resume only while not enabled", "proposal", {"resume": skipped_if(lambda s: s.enabled, proposal.resume)}),
    Slip("resume only in a section", "proposal", {"resume": skipped_if(lambda s: s.count == 0, proposal.resume)}),
    Slip("a wrap to 0 clears the flag", "proposal", state=wrong_calls.WrapClearsEnabled),
    Slip("count saturates at 255", "proposal", state=saturating(ProposalState, "count", 255)),
    Slip("count saturates at 0", "proposal", state=saturating(ProposalState, "count", 0)),
    Slip("count of 2 bits", "proposal", patches={"harness.model.proposal.u8": lambda value: value & 3}),
    Slip("count of 16 bits", "proposal", patches={"harness.model.proposal.u8": lambda value: value & 0xFFFF}),
)

AMENDED = (
    Slip("resume forgets the flag", "amended", {"resume": wrong_calls.amended_resume_forgets_the_flag}),
    Slip("pause calls leave", "amended", {"pause": proposal.pause}),
    Slip("resume calls enter", "amended", {"resume": proposal.resume}),
    Slip("pause: flag after the hook", "amended", {"pause": hook_first(amended.pause)}),
    Slip("resume: flag before the hook", "amended", {"resume": hook_last(amended.resume)}),
    Slip("X calls enter", "amended", {"enable_with_ptes": proposal.enable}),
    Slip("nested X calls `w`", "amended", {"enable_with_ptes": wrong_calls.amended_nested_x_calls_w}),
    Slip("X: state before the hook", "amended", {"enable_with_ptes": hook_last(amended.enable_with_ptes)}),
    Slip("pause hooks on every architecture", "amended", run=wrong_runs.PauseHooksEverywhere),
    Slip("pause hooks on no architecture", "amended", run=wrong_runs.PauseHooksNowhere),
    Slip("calls work in interrupt", "amended", run=wrong_runs.NoInterruptCheck),
    Slip("calls in interrupt are not counted", "amended", run=wrong_runs.InterruptCallsNotCounted),
)

MERGED = (
    Slip("nested disable without flush", "merged", {"disable": rehooked(merged.disable, {"f": ""})}),
    Slip("nested disable leaves", "merged", {"disable": rehooked(merged.disable, {"f": "l"})}),
    Slip("nested enable enters", "merged", {"enable": wrong_calls.merged_nested_enable_enters}),
    Slip("enable counted while paused", "merged", {"enable": wrong_calls.merged_enable_counted_while_paused}),
    Slip("disable honoured while paused", "merged", {"disable": wrong_calls.merged_disable_honoured_while_paused}),
    Slip("pause leaves outside a section", "merged", {"pause": wrong_calls.merged_pause_leaves_outside}),
    Slip("nested pause leaves", "merged", {"pause": wrong_calls.merged_nested_pause_leaves}),
    Slip("nested pause has no effect", "merged", {"pause": skipped_if(lambda s: s.pause_count > 0, merged.pause)}),
    Slip("resume enters while still paused", "merged", {"resume": wrong_calls.merged_resume_enters_while_paused}),
    Slip("resume enters outside a section", "merged", {"resume": wrong_calls.merged_resume_enters_outside}),
    Slip("one resume ends all pauses", "merged", {"resume": wrong_calls.merged_one_resume_ends_all_pauses}),
    Slip("a paused section is active", "merged", state=wrong_calls.PauseIgnored),
    Slip("disable at 0 does nothing", "merged", {"disable": skipped_if(lambda s: s.enable_count == 0, merged.disable)}),
    Slip("resume at 0 does nothing", "merged", {"resume": skipped_if(lambda s: s.pause_count == 0, merged.resume)}),
    *(
        Slip(f"{name}: state after the hook", "merged", {name: hook_first(call)})
        for name, call in REVISIONS["merged"].calls.items()
    ),
    *(
        Slip(f"{name} does not warn", "merged", {name: unchecked(call)})
        for name, call in REVISIONS["merged"].calls.items()
    ),
    *(
        Slip(f"{counter} saturates at {at}", "merged", state=saturating(MergedState, counter, at))
        for counter in ("enable_count", "pause_count")
        for at in (0, 255)
    ),
    Slip("counters of 2 bits", "merged", patches={"harness.model.merged.u8": lambda value: value & 3}),
    Slip("counters of 16 bits", "merged", patches={"harness.model.merged.u8": lambda value: value & 0xFFFF}),
)

SHARED = tuple(
    slip
    for api in ("proposal", "merged")
    for slip in (
        Slip("calls work in interrupt", api, run=wrong_runs.NoInterruptCheck),
        Slip("active in interrupt", api, run=wrong_runs.ActiveInInterrupt),
        Slip("calls in interrupt are not counted", api, run=wrong_runs.InterruptCallsNotCounted),
        Slip("flush does nothing in interrupt", api, run=wrong_runs.NoFlushInInterrupt),
        Slip("flush only where active", api, run=wrong_runs.FlushOnlyWhenActive),
        Slip("an interrupt without end", api, run=wrong_runs.InterruptWithoutEnd),
        Slip("statistics of 8 bits", api, run=wrong_runs.NarrowStatistics),
        Slip("before_hook always runs", api, run=wrong_runs.BeforeHookAlways),
        Slip("before_hook never runs", api, patches={"harness.model.run.Call": wrong_runs.BeforeHookNever}),
        Slip("before_hook after the hook", api, patches={"harness.model.run.Call": wrong_runs.BeforeHookAfterwards}),
        Slip("the hook decided at the hook", api, patches={"harness.model.run.Call": wrong_runs.DecidesAtTheHook}),
    )
)


@pytest.mark.parametrize("slip", [*PROPOSAL, *AMENDED, *MERGED, *SHARED], ids=lambda slip: f"{slip.api}: {slip.name}")
def test_the_examples_notice(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, wrong in slip.patches.items():
        monkeypatch.setattr(name, wrong)
    assert any(
        example.differences(slip.play(example.program, arch))
        for example in EXAMPLES[slip.api]
        for arch in example.arches
    )


@pytest.mark.parametrize("api", EXAMPLES)
def test_a_slip_without_a_change_is_right(api: str) -> None:
    """So what is noticed above is the slip, and not the way in which it is made."""
    right = Slip("none", api, {name: rehooked(call, {}) for name, call in REVISIONS[api].calls.items()})
    assert [
        (example.name, differences)
        for example in EXAMPLES[api]
        for arch in example.arches
        if (differences := example.differences(right.play(example.program, arch)))
    ] == []
