# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: predicts what docs/semantics.md says a case does. Knows nothing of guests.

Guests' reports are compared with it, so it is written from the text alone, and never from the module. This file has
what is the same in every revision: tasks, contexts, counting, records. `behaviour.py` has what each operation does,
`revisions/` and `personalities/` have the state machines.

Nested steps run, and leave their records, before the step that holds them: a before_hook when its hook is about to be
called, a context's body before the context ends. So the letters in the trace are in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import asdict, astuple

from lazymmu.subject.behaviour import BEHAVIOURS, PreemptionOff
from lazymmu.subject.case import Case, Step
from lazymmu.subject.counters import HOOKS, counter_names
from lazymmu.subject.implementations import IMPLEMENTATIONS, MODULE
from lazymmu.subject.limits import MAIN_TASK, TABLE_ENTRIES
from lazymmu.subject.operations import BY_REVISION, OPERATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.personality import Personality, Task
from lazymmu.subject.revision import Revision
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import Skip, StepTrace, Trace
from lazymmu.support.errors import SetupError, UsageError

#: Optional hook -> the hook to call where an architecture does not define it
#: (docs/semantics.md, "Proposal and amended").
INSTEAD_OF_OPTIONAL = {"p": "l", "r": "e"}


class Call(Struct, eq=False):
    """One step that is running. Behaviours answer through it, and revisions call hooks (`revision.Caller`)."""

    run: Run
    step: Step
    #: The task whose state the record shows: the running or interrupted one, unless a check names another.
    subject: Task
    hooks: str = ""
    hook_active: str = ""
    #: The answer, of an operation that has one.
    value: int | None = None

    def hook(self, letter: str) -> None:
        """Run the before_hook, count the hook, note whether the task is active by then, and let the hook act."""
        run = self.run
        if self.step.before_hook:
            run.steps(self.step.before_hook)
        called = letter if letter in run.model.hooks else INSTEAD_OF_OPTIONAL[letter]
        run.count(HOOKS[called])
        self.hooks += called
        self.hook_active += "1" if run.active else "0"
        run.model.hooks[called](run.task, self.entries if called == "w" else range(0))

    def warn(self) -> None:
        """Count a failed check of the API."""
        self.run.count("warnings")

    @property
    def entries(self) -> range:
        """The range given to enable_with_ptes."""
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
    """Fresh tasks, an empty table, all counters 0. Call `play` once.

    On the running kernel's own implementation (docs/native.md) a trace shows what the kernel keeps for a task beside
    the revision's state (arm64: TIF_LAZY_MMU_PENDING), but not the page table, which belongs to the kernel.
    """

    #: Operation -> what a step of it does.
    behaviours: ClassVar[Mapping[str, Callable[[Call], None]]] = BEHAVIOURS

    def __init__(
        self, revision: Revision, personality: Personality, tasks: Mapping[str, int], impl: str = MODULE
    ) -> None:
        """Take the declared tasks beside `main`, each with its CPU."""
        self.revision = revision
        self._hooks_only = IMPLEMENTATIONS[impl].hooks_only
        #: The page table's memory and the one TLB, by entry.
        self.memory = [0] * TABLE_ENTRIES
        self.tlb: dict[int, int] = {}
        self.model = personality.MODEL(self.memory, self.count)
        #: Every task by its name: main, the declared ones, then the forked ones in the order of their forks.
        self.tasks = {name: Task(name, cpu, revision.STATE()) for name, cpu in {MAIN_TASK: 0, **tasks}.items()}
        #: The running or interrupted task.
        self.task = self.tasks[MAIN_TASK]
        #: In a hard interrupt, in a softirq, or with bottom halves disabled.
        self.in_interrupt = False
        #: Every counter of the trace in report order. They are 64 bits wide and never wrap here.
        self.counters = dict.fromkeys(counter_names(personality.NAME, impl), 0)
        #: The counters that changed since the last record, with their new values.
        self._changed: dict[str, int] = {}
        self._records: list[StepTrace] = []
        #: The states of the records by their values.
        self._states: dict[tuple[int | bool, ...], Mapping[str, int | bool]] = {}

    @property
    def active(self) -> bool:
        """Whether the running task is active at this point of the run; never in interrupt."""
        return self.is_active(self.task)

    def is_active(self, task: Task) -> bool:
        """Return whether a task is active at this point of the run."""
        return not self.in_interrupt and task.state.active

    def state(self, task: Task) -> Mapping[str, int | bool]:
        """Return a task's state as the trace shows it. Equal states are the same object."""
        values = astuple(task.state)
        kernels: Mapping[str, bool] = {}
        if self._hooks_only:
            kernels = self.model.kernel_state(task)
            values = (*values, *kernels.values())
        state = self._states.get(values)
        if state is None:
            state = self._states[values] = {**asdict(task.state), **kernels}
        return state

    def count(self, counter: str, number: int = 1) -> None:
        """Add to a counter, if the trace shows it."""
        if counter in self.counters:
            self.counters[counter] = self._changed[counter] = self.counters[counter] + number

    def steps(self, steps: Iterable[Step]) -> None:
        """Run steps one after the other; each leaves its record when it ends. Raises PreemptionOff."""
        for step in steps:
            call = Call(self, step, self.task)
            behaviour = self.behaviours.get(step.op)
            if behaviour is None:
                raise SetupError(f"operation `{step.op}` has no behaviour in subject/behaviour.py")
            behaviour(call)
            self._record(call)

    def _record(self, call: Call) -> None:
        """Record what the step did, with the counters that differ from the record before, in no fixed order."""
        changed, self._changed = self._changed, {}
        subject = call.subject
        self._records.append(
            StepTrace(
                index=call.step.index,
                op=call.step.op,
                task=subject.name,
                hooks=call.hooks,
                hook_active=call.hook_active,
                active=self.is_active(subject),
                state=self.state(subject),
                outstanding=None if self._hooks_only else len(self.model.outstanding),
                counters=changed,
                value=None if self._hooks_only else call.value,
            )
        )

    def play(self, steps: Iterable[Step]) -> Trace | Skip:
        """Run the whole case. Return its trace, or where and why it cannot continue under this personality."""
        try:
            self.steps(steps)
        except PreemptionOff as off:
            return Skip(f"comes to {off.step.op} (step {off.step.index}) with preemption off", off.step)
        records = tuple(self._records)
        values = tuple(record.value for record in records if record.value is not None)
        table = {index: value for index, value in enumerate(self.memory) if value}
        return Trace(
            hooks="".join(record.hooks for record in records),
            hook_active="".join(record.hook_active for record in records),
            counters=dict(self.counters),
            values=None if self._hooks_only else values,
            outstanding=None if self._hooks_only else len(self.model.outstanding),
            table=None if self._hooks_only else table,
            tasks={name: {**self.state(task), "active": task.state.active} for name, task in self.tasks.items()},
            steps=records,
        )


def predict(case: Case, api: str, arch: str, impl: str = MODULE) -> Trace | Skip:
    """Return what a right implementation of revision `api` does with the case under personality `arch`.

    The trace has what is visible of the implementation `impl`. A Skip says that the case cannot run under the
    personality. Raises KeyError for an unknown name, SetupError for one whose file is broken, and UsageError if the
    case has an operation that the revision does not have, even one that would never run.
    """
    revision, personality = REVISIONS[api], PERSONALITIES[arch]
    has = ({*OPERATIONS} - {*BY_REVISION} | revision.CALLS.keys()) - IMPLEMENTATIONS[impl].missing
    missing = {step.op for step in case.walk()} - has
    if missing:
        who = f"revision {api}" if impl == MODULE else f"revision {api} of implementation {impl}"
        raise UsageError(f"{who} has no operation {', '.join(sorted(missing))}")
    return Run(revision, personality, case.tasks, impl).play(case.steps)
