# SPDX-License-Identifier: GPL-2.0-only
"""Slips that a model of this API invites: the examples of this folder must tell each from the right one.

Most are the mutants of docs/semantics.md, "Mutants that the scenarios must kill", as far as they are about the
revisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from lazymmu.subject.revisions import REVISIONS, amended, merged, proposal, v3, v4, with_ptes
from lazymmu.subject.revisions.merged import MergedState
from lazymmu.subject.revisions.proposal import ProposalState
from lazymmu.subject.revisions.v4 import V4State

from . import test_amended, test_merged, test_proposal, test_v3, test_v4, test_with_ptes, wrong_calls, wrong_runs
from .example import Example
from .slip import Slip, hook_first, hook_last, rehooked, saturating, skipped_if, unchecked, without_check

EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "proposal": test_proposal.EXAMPLES,
    "amended": test_amended.EXAMPLES,
    "v3": test_v3.EXAMPLES,
    "v4": test_v4.EXAMPLES,
    "merged": test_merged.EXAMPLES,
    "with-ptes": test_with_ptes.WITH_PTES,
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
    Slip("count of 2 bits", "proposal", patches={"lazymmu.subject.revisions.proposal.u8": lambda value: value & 3}),
    Slip(
        "count of 16 bits", "proposal", patches={"lazymmu.subject.revisions.proposal.u8": lambda value: value & 0xFFFF}
    ),
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
        for name, call in REVISIONS["merged"].CALLS.items()
        if not name.endswith("_task")
    ),
    *(
        Slip(f"{name} does not warn", "merged", {name: unchecked(call)})
        for name, call in REVISIONS["merged"].CALLS.items()
        if not name.endswith("_task")
    ),
    *(
        Slip(f"{counter} saturates at {at}", "merged", state=saturating(MergedState, counter, at))
        for counter in ("enable_count", "pause_count")
        for at in (0, 255)
    ),
    Slip("counters of 2 bits", "merged", patches={"lazymmu.subject.revisions.merged.u8": lambda value: value & 3}),
    Slip(
        "counters of 16 bits", "merged", patches={"lazymmu.subject.revisions.merged.u8": lambda value: value & 0xFFFF}
    ),
)


def checks_of(api: str, level: str, flag: str) -> tuple[Slip, ...]:
    """Return v3 or v4 with each of its checks left out, one at a time: a check fails where its condition holds."""
    failing: dict[str, tuple[Callable[[int, bool], bool], ...]] = {
        "enable": (lambda count, _: count == 255, lambda count, on: count > 0 and not on),
        "disable": (lambda count, _: count == 0, lambda _, on: not on),
        "pause": (lambda count, _: count == 0, lambda count, on: count > 0 and not on),
        "resume": (lambda count, _: count == 0, lambda count, on: count > 0 and on),
    }

    def of_state(fails: Callable[[int, bool], bool]) -> Callable[[Any], bool]:
        return lambda state: fails(getattr(state, level), getattr(state, flag))

    return tuple(
        Slip(
            f"{call}: its check {number} is missing",
            api,
            {call: without_check(REVISIONS[api].CALLS[call], of_state(fails))},
        )
        for call, conditions in failing.items()
        for number, fails in enumerate(conditions)
    )


V3 = (
    *checks_of("v3", "count", "enabled"),
    *(Slip(f"{name} does not warn", "v3", {name: unchecked(call)}) for name, call in REVISIONS["v3"].CALLS.items()),
    Slip("enable: flag before the hook", "v3", {"enable": wrong_calls.v3_enable_sets_the_flag_before_the_hook}),
    Slip("enable: state before the hook", "v3", {"enable": hook_last(v3.enable)}),
    Slip("resume: flag before the hook", "v3", {"resume": hook_last(v3.resume)}),
    Slip("disable: state after the hook", "v3", {"disable": hook_first(v3.disable)}),
    Slip("pause: flag after the hook", "v3", {"pause": hook_first(v3.pause)}),
    Slip("a failed check ends the call: enable", "v3", {"enable": skipped_if(lambda s: s.count == 255, v3.enable)}),
    Slip("a failed check ends the call: disable", "v3", {"disable": skipped_if(lambda s: s.count == 0, v3.disable)}),
    Slip("a failed check ends the call: pause", "v3", {"pause": skipped_if(lambda s: not s.enabled, v3.pause)}),
    Slip("a failed check ends the call: resume", "v3", {"resume": skipped_if(lambda s: s.enabled, v3.resume)}),
    Slip("count saturates at 255", "v3", state=saturating(ProposalState, "count", 255)),
    Slip("count saturates at 0", "v3", state=saturating(ProposalState, "count", 0)),
    Slip("a wrap to 0 clears the flag", "v3", state=wrong_calls.WrapClearsEnabled),
    Slip("resume forgets the flag", "v3", {"resume": wrong_calls.proposal_resume_forgets_the_flag}),
    Slip("warnings in interrupt", "v3", run=wrong_runs.NoInterruptCheck),
)

V4 = (
    *checks_of("v4", "nesting_level", "active"),
    *(Slip(f"{name} does not warn", "v4", {name: unchecked(call)}) for name, call in REVISIONS["v4"].CALLS.items()),
    *(
        Slip(f"{name}: state after the hook", "v4", {name: hook_first(call)})
        for name, call in REVISIONS["v4"].CALLS.items()
    ),
    Slip("enable: flag after the hook", "v4", {"enable": wrong_calls.v4_enable_sets_the_flag_after_the_hook}),
    Slip("enable: level after the hook", "v4", {"enable": wrong_calls.v4_enable_counts_after_the_hook}),
    Slip("nested disable without flush", "v4", {"disable": rehooked(v4.disable, {"f": ""})}),
    Slip("nested disable leaves", "v4", {"disable": rehooked(v4.disable, {"f": "l"})}),
    Slip("level saturates at 255", "v4", state=saturating(V4State, "nesting_level", 255)),
    Slip("level saturates at 0", "v4", state=saturating(V4State, "nesting_level", 0)),
    Slip("level of 2 bits", "v4", patches={"lazymmu.subject.revisions.v4.u8": lambda value: value & 3}),
    Slip("level of 16 bits", "v4", patches={"lazymmu.subject.revisions.v4.u8": lambda value: value & 0xFFFF}),
    Slip("a wrap to 0 clears the flag", "v4", state=wrong_calls.V4WrapClearsFlag),
    Slip("a nested pause does nothing", "v4", {"pause": skipped_if(lambda s: not s.active, v4.pause)}),
    Slip("a nested resume does nothing", "v4", {"resume": skipped_if(lambda s: s.active, v4.resume)}),
)

WITH_PTES = (
    Slip("X calls enter", "with-ptes", {"enable_with_ptes": merged.enable}),
    Slip("nested X calls `w`", "with-ptes", {"enable_with_ptes": wrong_calls.with_ptes_nested_x_calls_w}),
    Slip("X counted while paused", "with-ptes", {"enable_with_ptes": wrong_calls.with_ptes_x_counted_while_paused}),
    Slip("X: state after the hook", "with-ptes", {"enable_with_ptes": hook_first(with_ptes.enable_with_ptes)}),
    Slip("X does not warn", "with-ptes", {"enable_with_ptes": unchecked(with_ptes.enable_with_ptes)}),
    Slip("pause calls arch_pause", "with-ptes", {"pause": wrong_calls.with_ptes_pause_calls_arch_pause}),
    Slip("resume calls arch_resume", "with-ptes", {"resume": wrong_calls.with_ptes_resume_calls_arch_resume}),
    Slip("X works in interrupt", "with-ptes", run=wrong_runs.NoInterruptCheck),
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
        Slip("before_hook never runs", api, patches={"lazymmu.subject.run.Call": wrong_runs.BeforeHookNever}),
        Slip(
            "before_hook after the hook",
            api,
            patches={"lazymmu.subject.run.Call": wrong_runs.BeforeHookAfterwards},
        ),
        Slip(
            "the hook decided at the hook",
            api,
            patches={"lazymmu.subject.run.Call": wrong_runs.DecidesAtTheHook},
        ),
    )
)


SLIPS = (*PROPOSAL, *AMENDED, *V3, *V4, *MERGED, *WITH_PTES, *SHARED)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip.api}: {slip.name}")
def test_the_examples_notice(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, wrong in slip.patches.items():
        monkeypatch.setattr(name, wrong)
    assert any(
        example.differences(slip.play(example.program, arch))
        for example in sorted(EXAMPLES[slip.api], key=lambda example: "*" in example.program)
        for arch in example.arches
    )


@pytest.mark.parametrize("api", EXAMPLES)
def test_a_slip_without_a_change_is_right(api: str) -> None:
    """So what is noticed above is the slip, and not the way in which it is made."""
    right = Slip("none", api, {name: rehooked(call, {}) for name, call in REVISIONS[api].CALLS.items()})
    assert [
        (example.name, differences)
        for example in EXAMPLES[api]
        for arch in example.arches
        if (differences := example.differences(right.play(example.program, arch)))
    ] == []
