# SPDX-License-Identifier: GPL-2.0-only
"""One run of a case: what holds in every revision (contexts, counting, the order of events) and the trace of it.

A step's nested steps run, and leave their records, before its own: a before_hook where the hook is about to be
called, a context's body before the context ends. So the letters stand in the trace in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from harness.core.case import Step
from harness.core.trace import StepTrace, Trace
from harness.core.vocabulary import HOOKS, MAIN_TASK, Personality, counter_names
from harness.model.rules import Rules, State

#: Optional hook -> the one called instead where an architecture does not define it
#: (docs/semantics.md, "proposal and amended").
INSTEAD_OF_OPTIONAL = {"p": "l", "r": "e"}


class Call:
    """One step under way: the revision's code calls hooks through it (`rules.Caller`)."""

    __slots__ = ("hook_active", "hooks", "run", "step")

    def __init__(self, run: Run, step: Step) -> None:
        self.run = run
        self.step = step
        self.hooks = ""
        self.hook_active = ""

    def hook(self, letter: str) -> None:
        """Run the before_hook, then call the hook: it is counted, and sees the task, as things are by then."""
        run = self.run
        run.steps(self.step.before_hook)
        called = run.defined_hook(letter)
        run.count(HOOKS[called])
        self.hooks += called
        self.hook_active += "1" if run.active else "0"

    def warn(self) -> None:
        """Count a failed check of the API."""
        self.run.count("warnings")


def api_call(call: Call) -> None:
    """Enable and the like: counted with or without effect, and without effect in interrupt.

    docs/semantics.md, "Revisions of the API": in every revision they do nothing there, no hook and no warning.
    """
    run, operation = call.run, call.step.op
    run.count(operation)
    if not run.in_interrupt:
        run.rules.calls[operation](run.state, call)


def flush(call: Call) -> None:
    """Call arch_flush in any context and state, interrupt included (docs/semantics.md, "Common rules")."""
    call.run.count("flush")
    call.hook("f")


def check(_call: Call) -> None:
    """Do nothing: the step's record is what the author's assertion is held against."""


def interrupt(call: Call) -> None:
    """Run the body in hard interrupt on top of the running task; the step itself ends outside it."""
    run = call.run
    interrupted, run.in_interrupt = run.in_interrupt, True
    run.steps(call.step.body)
    run.in_interrupt = interrupted


class Run:
    """A fresh task with nothing counted yet; `play` may be called once."""

    #: Operation -> what a step of it does.
    operations: ClassVar[Mapping[str, Callable[[Call], None]]] = {
        "enable": api_call,
        "disable": api_call,
        "pause": api_call,
        "resume": api_call,
        "enable_with_ptes": api_call,
        "flush": flush,
        "check": check,
        "interrupt": interrupt,
    }

    def __init__(self, rules: Rules[Any], personality: Personality) -> None:
        self.rules = rules
        self.personality = personality
        self.state: State = rules.state()
        self.in_interrupt = False
        #: Statistics: every counter of the trace in report order. They are 64 bits wide and never wrap here.
        self.counters = dict.fromkeys(counter_names(personality.name), 0)
        #: Those that were counted since the last record, with their new values.
        self._changed: dict[str, int] = {}
        self._records: list[StepTrace] = []
        #: The states of the records by their values: each is held once, however many records have it.
        self._states: dict[tuple[int | bool, ...], dict[str, int | bool]] = {}

    @property
    def active(self) -> bool:
        """Is the task active where the run stands? Never in interrupt."""
        return self.state.active and not self.in_interrupt

    def defined_hook(self, letter: str) -> str:
        """Return the hook that this personality has for it: itself, or what stands in for an optional one."""
        if self.personality.has_pause_hooks:
            return letter
        return INSTEAD_OF_OPTIONAL.get(letter, letter)

    def count(self, counter: str) -> None:
        """Add one to a counter of the trace."""
        self.counters[counter] = self._changed[counter] = self.counters[counter] + 1

    def steps(self, steps: Iterable[Step]) -> None:
        """Run steps one after the other, each leaving its record when it ends."""
        for step in steps:
            call = Call(self, step)
            self.operations[step.op](call)
            self._record(call)

    def _record(self, call: Call) -> None:
        """Write down what the step did, with the counters that differ from the record before, in no fixed order."""
        changed, self._changed = self._changed, {}
        named = self.state.named()
        self._records.append(
            StepTrace(
                index=call.step.index,
                op=call.step.op,
                task=MAIN_TASK,
                hooks=call.hooks,
                hook_active=call.hook_active,
                active=self.active,
                state=self._states.setdefault(tuple(named.values()), named),
                outstanding=0,
                counters=changed,
            )
        )

    def play(self, steps: Iterable[Step]) -> Trace:
        """Run the whole case and return its trace."""
        self.steps(steps)
        records = tuple(self._records)
        return Trace(
            hooks="".join(record.hooks for record in records),
            hook_active="".join(record.hook_active for record in records),
            counters=dict(self.counters),
            values=(),
            outstanding=0,
            table={},
            tasks={MAIN_TASK: {**self.state.named(), "active": self.state.active}},
            steps=records,
        )
