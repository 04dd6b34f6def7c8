# SPDX-License-Identifier: GPL-2.0-only
"""One run of a case: what holds in every revision (tasks, contexts, counting, the order of events) and its trace.

A step's nested steps run, and leave their records, before its own: a before_hook where the hook is about to be
called, a context's body before the context ends. So the letters stand in the trace in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from lazymmu.subject.behaviour import OPERATIONS, PreemptionOff
from lazymmu.subject.case import Step
from lazymmu.subject.personality import Personality
from lazymmu.subject.rules import Rules
from lazymmu.subject.task import Task
from lazymmu.subject.trace import Skip, StepTrace, Trace
from lazymmu.subject.vocabulary import HOOKS, MAIN_TASK, TABLE_ENTRIES, counter_names

#: Optional hook -> the one called instead where an architecture does not define it
#: (docs/semantics.md, "Proposal and amended").
INSTEAD_OF_OPTIONAL = {"p": "l", "r": "e"}

#: What a hook that is not `w` is told of entries.
NO_ENTRIES = range(0)


class Call:
    """One step under way: operations answer through it, and the revision's code calls hooks (`rules.Caller`)."""

    __slots__ = ("hook_active", "hooks", "run", "step", "subject", "value")

    def __init__(self, run: Run, step: Step) -> None:
        self.run = run
        self.step = step
        self.hooks = ""
        self.hook_active = ""
        #: The answer, of an operation that has one.
        self.value: int | None = None
        #: The task whose state the record shows: the one that runs or is interrupted, unless a check names another.
        self.subject = run.task

    def hook(self, letter: str) -> None:
        """Run the before_hook, then call the hook: it is counted, sees the task as things are by then, and acts."""
        run = self.run
        if self.step.before_hook:
            run.steps(self.step.before_hook)
        called = run.defined_hook(letter)
        run.count(HOOKS[called])
        self.hooks += called
        self.hook_active += "1" if run.active else "0"
        run.personality.hooks[called](run.task, self.entries if called == "w" else NO_ENTRIES)

    def warn(self) -> None:
        """Count a failed check of the API."""
        self.run.count("warnings")

    @property
    def entries(self) -> range:
        """The range that X was given."""
        first = self.number("index")
        return range(first, first + self.number("count"))

    @property
    def named_task(self) -> Task:
        """The task that the step names."""
        return self.run.tasks[str(self.step.args["task"])]

    def number(self, argument: str) -> int:
        """Return an argument of the step that is a number."""
        return int(self.step.args[argument])


class Run:
    """Fresh tasks, an empty table and nothing counted yet; `play` may be called once."""

    #: Operation -> what a step of it does.
    operations: ClassVar[Mapping[str, Callable[[Call], None]]] = OPERATIONS

    def __init__(self, rules: Rules[Any], personality: type[Personality], tasks: Mapping[str, int]) -> None:
        """Take the declared tasks beside `main`, each with its CPU."""
        self.rules = rules
        #: The page table's memory and the one TLB, by entry.
        self.memory = [0] * TABLE_ENTRIES
        self.tlb: dict[int, int] = {}
        self.personality = personality(self.memory, self.count)
        #: Every task by its name: main, the declared ones, then the forked ones as they come to be.
        self.tasks = {name: Task(name, cpu, rules.state()) for name, cpu in {MAIN_TASK: 0, **tasks}.items()}
        #: The one that runs, or is interrupted.
        self.task = self.tasks[MAIN_TASK]
        #: In a hard interrupt, in a softirq, or with bottom halves disabled.
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
        """Is the running task active where the run stands? Never in interrupt."""
        return self.is_active(self.task)

    def is_active(self, task: Task) -> bool:
        """Return whether a task is active, as seen from where the run stands."""
        return task.state.active and not self.in_interrupt

    def named(self, task: Task) -> dict[str, int | bool]:
        """Return a task's state as a trace tells it."""
        return task.state.named()

    def defined_hook(self, letter: str) -> str:
        """Return the hook that this personality has for it: itself, or what stands in for an optional one."""
        return letter if letter in self.personality.hooks else INSTEAD_OF_OPTIONAL[letter]

    def count(self, counter: str, number: int = 1) -> None:
        """Add to a counter of the trace."""
        self.counters[counter] = self._changed[counter] = self.counters[counter] + number

    def steps(self, steps: Iterable[Step]) -> None:
        """Run steps one after the other, each leaving its record when it ends; may raise PreemptionOff."""
        for step in steps:
            call = Call(self, step)
            self.operations[step.op](call)
            self._record(call)

    def _record(self, call: Call) -> None:
        """Write down what the step did, with the counters that differ from the record before, in no fixed order."""
        changed, self._changed = self._changed, {}
        subject = call.subject
        named = self.named(subject)
        self._records.append(
            StepTrace(
                index=call.step.index,
                op=call.step.op,
                task=subject.name,
                hooks=call.hooks,
                hook_active=call.hook_active,
                active=self.is_active(subject),
                state=self._states.setdefault(tuple(named.values()), named),
                outstanding=len(self.personality.outstanding),
                counters=changed,
                value=call.value,
            )
        )

    def play(self, steps: Iterable[Step]) -> Trace | Skip:
        """Run the whole case and return its trace, or where and why it cannot go on under this personality."""
        try:
            self.steps(steps)
        except PreemptionOff as off:
            return Skip(f"comes to {off.step.op} (step {off.step.index}) with preemption off", off.step)
        records = tuple(self._records)
        return Trace(
            hooks="".join(record.hooks for record in records),
            hook_active="".join(record.hook_active for record in records),
            counters=dict(self.counters),
            values=tuple(record.value for record in records if record.value is not None),
            outstanding=len(self.personality.outstanding),
            table={index: value for index, value in enumerate(self.memory) if value},
            tasks={name: {**self.named(task), "active": task.state.active} for name, task in self.tasks.items()},
            steps=records,
        )
