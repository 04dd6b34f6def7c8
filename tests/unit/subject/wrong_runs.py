# SPDX-License-Identifier: GPL-2.0-only
"""Slips in what all revisions share: contexts, hooks of an architecture, statistics, before_hook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from lazymmu.subject.behaviour import api_call, flush, in_interrupt
from lazymmu.subject.case import Step
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personality import nothing
from lazymmu.subject.run import Call, Run
from lazymmu.subject.task import Task
from msgspec.structs import asdict, replace

API_CALLS = frozenset(CALLS) - {"flush"}


def call_in_any_context(call: Call) -> None:
    call.run.count(call.step.op)
    call.run.revision.CALLS[call.step.op](call.run.task.state, call)


class NoInterruptCheck(Run):
    """The calls work in interrupt."""

    behaviours: ClassVar = {**Run.behaviours, **dict.fromkeys(API_CALLS, call_in_any_context)}


def call_counted_outside_interrupt(call: Call) -> None:
    if not call.run.in_interrupt:
        api_call(call)


class InterruptCallsNotCounted(Run):
    """A call without effect in interrupt is not counted."""

    behaviours: ClassVar = {**Run.behaviours, **dict.fromkeys(API_CALLS, call_counted_outside_interrupt)}


class ActiveInInterrupt(Run):
    """`active` does not ask for the context."""

    def is_active(self, task: Task) -> bool:
        return bool(task.state.active)


def flush_outside_interrupt(call: Call) -> None:
    if not call.run.in_interrupt:
        flush(call)


class NoFlushInInterrupt(Run):
    """The operation flush is nothing in interrupt."""

    behaviours: ClassVar = {**Run.behaviours, "flush": flush_outside_interrupt}


def flush_in_section(call: Call) -> None:
    if call.run.task.state.active:
        flush(call)


class FlushOnlyWhenActive(Run):
    """The operation flush is nothing where the mode is not on."""

    behaviours: ClassVar = {**Run.behaviours, "flush": flush_in_section}


def interrupt_without_end(call: Call) -> None:
    in_interrupt(call)
    call.run.in_interrupt = True


class InterruptWithoutEnd(Run):
    """The end of an interrupt is not noticed."""

    behaviours: ClassVar = {**Run.behaviours, "interrupt": interrupt_without_end}


class PauseHooksEverywhere(Run):
    """Every architecture defines the optional hooks."""

    def defined_hook(self, letter: str) -> str:
        self.model.hooks = {"p": nothing, "r": nothing, **self.model.hooks}
        return letter


class PauseHooksNowhere(Run):
    """No architecture defines the optional hooks."""

    def defined_hook(self, letter: str) -> str:
        return {"p": "l", "r": "e"}.get(letter, letter)


class NarrowStatistics(Run):
    """Statistics wrap as the nesting counters do."""

    def count(self, counter: str, number: int = 1) -> None:
        super().count(counter, number)
        self.counters[counter] %= 256


class BeforeHookNever(Call):
    """The steps of a before_hook do not run."""

    def hook(self, letter: str) -> None:
        self.step = replace(self.step, before_hook=())
        super().hook(letter)


class BeforeHookAlways(Run):
    """The steps of a before_hook run even if no hook is called: after the call, then."""

    def steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            hooks = self.hooks_called()
            super().steps((step,))
            if self.hooks_called() == hooks:
                super().steps(step.before_hook)

    def hooks_called(self) -> int:
        return sum(self.counters[name] for name in HOOKS.values())


class BeforeHookAfterwards(Call):
    """The steps of a before_hook run after the hook."""

    def hook(self, letter: str) -> None:
        steps = self.step.before_hook
        self.step = replace(self.step, before_hook=())
        super().hook(letter)
        self.run.steps(steps)


class DecidesAtTheHook(Call):
    """Whether leave or flush is due is decided after the before_hook."""

    def hook(self, letter: str) -> None:
        self.run.steps(self.step.before_hook)
        if self.step.op == "disable":
            level, _ = asdict(self.run.task.state).values()
            letter = "f" if level else "l"
        self.step = replace(self.step, before_hook=())
        super().hook(letter)
