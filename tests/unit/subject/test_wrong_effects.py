# SPDX-License-Identifier: GPL-2.0-only
"""Slips in personalities, tasks, contexts, table and TLB: the effects of this folder must tell each from the right one.

Most are the mutants of docs/semantics.md, "Mutants that the scenarios must kill", as far as `test_slips.py` has not
those that are about a revision.
"""

from __future__ import annotations

import pytest
from lazymmu.subject import behaviour
from lazymmu.subject.run import Run

from . import (
    test_arm64,
    test_contexts,
    test_field,
    test_history,
    test_s390x,
    test_table,
    test_tasks,
    test_x86_64,
    wrong_arm64,
    wrong_operations,
    wrong_runs,
    wrong_s390x,
    wrong_x86_64,
)
from .example import Effect
from .slip import SharedSlip
from .wrong_operations import replacing

EFFECTS = (
    *test_contexts.EFFECTS,
    *test_tasks.EFFECTS,
    *test_table.EFFECTS,
    *test_history.EFFECTS,
    *test_field.EFFECTS,
    *test_arm64.EFFECTS,
    *test_s390x.EFFECTS,
    *test_x86_64.EFFECTS,
)

PERSONALITIES = tuple(
    SharedSlip(f"{arch}: {wrong.__name__}", arch=arch, model=wrong)
    for arch, slips in (("arm64", wrong_arm64.WRONG), ("s390x", wrong_s390x.WRONG), ("x86_64", wrong_x86_64.WRONG))
    for wrong in slips
)

TASKS = (
    SharedSlip("state kept for each CPU", run=wrong_operations.StatePerCpu),
    SharedSlip("fork does not copy the state", run=replacing(fork=wrong_operations.fork_without_state)),
    SharedSlip("a forked task shares the state", run=replacing(fork=wrong_operations.fork_with_the_same_state)),
    SharedSlip("a forked task runs at once", run=replacing(fork=wrong_operations.fork_runs_at_once)),
    SharedSlip("nothing is left on a switch", run=replacing(switch=wrong_operations.switch_without_leaving)),
    SharedSlip(
        "a switch recorded for the task before",
        run=replacing(switch=wrong_operations.switch_recorded_for_the_task_before),
    ),
    SharedSlip("nothing is left on a migration", run=replacing(migrate=wrong_operations.migrate_without_leaving)),
    SharedSlip("nothing is left on a sleep", run=replacing(sleep=wrong_operations.nothing)),
    *(
        SharedSlip(f"{name} {what}", run=replacing(**{name: changing(Run.behaviours[name])}))
        for name in ("switch", "migrate", "sleep")
        for what, changing in (
            ("calls leave", wrong_operations.leaving_the_section),
            ("ends the section", wrong_operations.ending_the_section),
        )
    ),
    *(
        SharedSlip(f"{call}_task {what}", run=replacing(**{f"{call}_task": wrong}))
        for call in ("pause", "resume")
        for what, wrong in (
            ("with the interrupt check", wrong_operations.outside_interrupt(Run.behaviours[f"{call}_task"])),
            ("on the caller's state", wrong_operations.on_the_callers_state(call)),
            ("counted as a call", wrong_operations.counted(call)),
        )
    ),
    SharedSlip(
        "pause_task: the hook is the named task's",
        run=replacing(pause_task=wrong_operations.hook_of_the_named_task("pause")),
    ),
    SharedSlip(
        "resume_task: the hook is the named task's",
        run=replacing(resume_task=wrong_operations.hook_of_the_named_task("resume")),
    ),
    SharedSlip(
        "pause_task: the digit is the named task's",
        patches={"lazymmu.subject.run.Call": wrong_operations.DigitOfTheNamedTask},
    ),
)

CONTEXTS = (
    SharedSlip("softirq is not in interrupt", run=replacing(softirq=behaviour.irqs_off)),
    SharedSlip("bottom halves off are not in interrupt", run=replacing(bh_disabled=behaviour.irqs_off)),
    SharedSlip("a hard interrupt is not in interrupt", run=replacing(interrupt=behaviour.irqs_off)),
    SharedSlip("interrupts off are in interrupt", run=replacing(irqs_off=behaviour.in_interrupt)),
    SharedSlip("a nested interrupt ends both", run=replacing(interrupt=wrong_operations.in_interrupt_for_good)),
    SharedSlip("calls work in interrupt", run=wrong_runs.NoInterruptCheck),
    SharedSlip("active in interrupt", run=wrong_runs.ActiveInInterrupt),
    SharedSlip("calls in interrupt are not counted", run=wrong_runs.InterruptCallsNotCounted),
    SharedSlip("flush does nothing in interrupt", run=wrong_runs.NoFlushInInterrupt),
    SharedSlip("flush only where active", run=wrong_runs.FlushOnlyWhenActive),
    SharedSlip("an interrupt without end", run=wrong_runs.InterruptWithoutEnd),
    SharedSlip("the digit ignores interrupt", patches={"lazymmu.subject.run.Call": wrong_operations.DigitOfTheFlag}),
    SharedSlip(
        "the architecture acts before the before_hook",
        patches={"lazymmu.subject.run.Call": wrong_operations.HookBeforeTheBeforeHook},
    ),
    SharedSlip("pause hooks on every architecture", run=wrong_runs.PauseHooksEverywhere),
    SharedSlip("pause hooks on no architecture", run=wrong_runs.PauseHooksNowhere),
)

TABLE = (
    SharedSlip("the range of a nested X is taken", run=wrong_operations.RangeTakenWhenNested),
    SharedSlip("values of 32 bits", run=replacing(set_pte=wrong_operations.set_pte_of_32_bits)),
    SharedSlip("a write without a change", run=replacing(set_pte=wrong_operations.set_pte_counted_where_it_changes)),
    SharedSlip(
        "writes counted by the context",
        run=replacing(set_pte=wrong_operations.set_pte_direct_in_the_count_only_outside),
    ),
    SharedSlip("clear answers nothing", run=replacing(clear_pte=wrong_operations.clear_answers_nothing)),
    SharedSlip("clear answers memory", run=replacing(clear_pte=wrong_operations.clear_answers_memory)),
    SharedSlip("clear does not write", run=replacing(clear_pte=behaviour.get_pte)),
    SharedSlip("touch is always true", run=replacing(touch=wrong_operations.touch_is_true)),
    SharedSlip("touch looks at every entry", run=replacing(touch=wrong_operations.touch_of_any)),
    SharedSlip("touch completes", run=replacing(touch=wrong_operations.touch_completes)),
    SharedSlip("outstanding counts writes", run=wrong_operations.OutstandingWrites),
    SharedSlip("load caches what is invalid", run=replacing(load=wrong_operations.load_caches_everything)),
    SharedSlip("load caches nothing", run=replacing(load=wrong_operations.load_never_caches)),
    SharedSlip("load reads what get_pte reads", run=replacing(load=wrong_operations.load_reads_as_get)),
    SharedSlip("tlb_flush does nothing", run=replacing(tlb_flush=wrong_operations.nothing)),
    SharedSlip("tlb_flush drops one entry", run=replacing(tlb_flush=wrong_operations.tlb_flush_of_one)),
    *(
        SharedSlip(f"{name} empties the TLB", run=replacing(**{name: wrong_operations.emptying_the_tlb(operation)}))
        for name, operation in Run.behaviours.items()
        if name in ("switch", "migrate", "sleep", "enable", "disable", "flush")
    ),
    *(
        SharedSlip(
            f"{name} drops the TLB's entry", run=replacing(**{name: wrong_operations.written_through(operation)})
        )
        for name, operation in Run.behaviours.items()
        if name in ("set_pte", "clear_pte")
    ),
)

SLIPS = (*PERSONALITIES, *TASKS, *CONTEXTS, *TABLE)


@pytest.fixture(scope="module")
def plays() -> list[tuple[Effect, str, str]]:
    """Return what to play in search of a slip: short programs first, and each under one revision before all others."""
    found = []
    for effect in EFFECTS:
        found += [("*" in effect.program, number, play) for number, play in enumerate(effect.everywhere())]
    return [play for _, _, play in sorted(found, key=lambda one: one[:2])]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_the_effects_notice(
    slip: SharedSlip, plays: list[tuple[Effect, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, wrong in slip.patches.items():
        monkeypatch.setattr(name, wrong)
    assert any(
        effect.differences(slip.play(effect.program, api, arch))
        for effect, api, arch in plays
        if slip.arch in ("", arch)
    )


def test_a_slip_without_a_change_is_right() -> None:
    """So what is noticed above is the slip, and not the way in which it is made."""
    right = SharedSlip("none", run=replacing())
    assert [
        (effect.name, api, arch)
        for effect in EFFECTS
        for _, api, arch in effect.everywhere()
        if effect.differences(right.play(effect.program, api, arch))
    ] == []
