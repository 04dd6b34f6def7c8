# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: predicts what docs/semantics.md says a case does. Knows nothing of guests.

Guests' reports are compared with it, so it is written from the text alone, and never from the module. This file has
what is the same in every revision: tasks, contexts, counting, records. `behaviour.py` has what each operation does,
`revisions/` and `personalities/` have the state machines.

Nested steps run, and leave their records, before the step that holds them: a before_hook when its hook is about to be
called, a context's body before the context ends. Hooks are noted in the order of their calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar, NoReturn

from msgspec import Struct
from msgspec.structs import asdict, astuple

from lazymmu.subject.behaviour import BEHAVIOURS
from lazymmu.subject.case import Case, Step
from lazymmu.subject.counters import ATOMIC_SLEEPS, HOOKS, counter_names
from lazymmu.subject.implementations import IMPLEMENTATIONS, MODULE, missing_operations, shows_table
from lazymmu.subject.limits import CPUS, MAIN_TASK, TABLE_ENTRIES
from lazymmu.subject.operations import BY_REVISION, OPERATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.personality import Personality, Task
from lazymmu.subject.revision import Revision
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace
from lazymmu.support.errors import Misplaced, SetupError, UsageError

#: Optional hook -> the hook to call where an architecture does not define it
#: (docs/semantics.md, "Proposal and amended").
INSTEAD_OF_OPTIONAL = {"p": "l", "r": "e"}

_NO_ENTRIES = range(0)


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
            began = run.task
            run.steps(self.step.before_hook)
            if run.task is not began:
                where = f"begins in task `{began.name}` and ends in `{run.task.name}`"
                self.misplaced(f"`before_hook` {where}: switch back before its end")
        called = letter if letter in run.model.hooks else INSTEAD_OF_OPTIONAL[letter]
        self.called(called, active=run.active)
        run.model.hooks[called](run.task, self.entries if called == "w" else _NO_ENTRIES)

    def called(self, letter: str, *, active: bool) -> None:
        """Count a hook, and note whether its task is active."""
        run, digit = self.run, "1" if active else "0"
        run.count(HOOKS[letter])
        self.hooks += letter
        self.hook_active += digit
        run.hooks += letter
        run.hook_active += digit

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
        name = str(self.step.args["task"])
        task = self.run.tasks.get(name)
        if task is None:
            self.misplaced(f"there is no task `{name}` yet: no `fork` of it ran before")
        return task

    def misplaced(self, why: str) -> NoReturn:
        """Raise Misplaced with the place of what the step names, or that of the step."""
        raise Misplaced(self.step.named or self.step.place, why)

    def number(self, argument: str) -> int:
        """Return an argument of the step that is a number."""
        return int(self.step.args[argument])


class TaskSwitch(Struct, eq=False):
    """The caller of pause_task and resume_task where the kernel calls them for a task that is switched out or in.

    The step that caused the switch records their hooks. Each is called on the task's own CPU.
    """

    call: Call
    task: Task

    def hook(self, letter: str) -> None:
        """Count the hook, note whether the task is active, whatever the context of the step, and let the hook act."""
        # Nobody sees the calls of hooks in the kernel's own code.
        if not self.call.run.is_kernels:
            self.call.called(letter, active=self.task.state.active)
        self.call.run.model.hooks[letter](self.task, _NO_ENTRIES)

    def warn(self) -> None:
        """Count a failed check of the API."""
        self.call.warn()


class BeforeTheRun:
    """The caller of pause_task for a task that was never present: nobody saw the call."""

    def hook(self, letter: str) -> None:
        """Call nothing."""

    def warn(self) -> None:
        """Count nothing."""


class Run:
    """Fresh tasks, an empty table, all counters 0. Call `play` once.

    On the running kernel's own implementation (docs/native.md) a trace shows what the kernel keeps for a task beside
    the revision's state (arm64: TIF_LAZY_MMU_PENDING), but not the page table, which belongs to the kernel.
    """

    #: Operation -> what a step of it does.
    behaviours: ClassVar[Mapping[str, Callable[[Call], None]]] = BEHAVIOURS

    def __init__(
        self,
        revision: Revision,
        personality: Personality,
        tasks: Mapping[str, int],
        impl: str = MODULE,
        checks: Collection[str] = (),
    ) -> None:
        """Take the declared tasks beside `main`, each with its CPU; `checks` as in `counter_names`."""
        self.revision = revision
        self.is_kernels = IMPLEMENTATIONS[impl].hooks_only
        self._hooks_only = not shows_table(personality.NAME, impl)
        #: The page table's memory and the one TLB, by entry.
        self.memory = [0] * TABLE_ENTRIES
        self.tlb: dict[int, int] = {}
        self.model = personality.MODEL(self.memory, self.count)
        #: What the kernel does to a task that is switched out and in, if it does anything.
        self._pause, self._resume = (
            revision.CALLS.get(name) if self.model.pauses_absent_tasks else None
            for name in ("pause_task", "resume_task")
        )
        #: Every task by its name: main, the declared ones, then the forked ones in the order of their forks.
        self.tasks: dict[str, Task] = {}
        #: The running or interrupted task.
        self.task = self.tasks[MAIN_TASK] = Task(MAIN_TASK, 0, revision.STATE())
        for name, cpu in tasks.items():
            self.new_task(name, cpu, revision.STATE())
        #: The task that is present on each CPU, if one is. The running task is present.
        self.present: list[Task | None] = [None] * CPUS
        self.present[self.task.cpu] = self.task
        #: The tasks in which the blocks around the next step began.
        self.begun: list[Task] = []
        #: In a hard interrupt, in a softirq, or with bottom halves disabled.
        self.in_interrupt = False
        #: In one of these, or with interrupts off: no task may sleep here.
        self.atomic = False
        #: Every counter of the trace in report order. They are 64 bits wide and never wrap here.
        self.counters = dict.fromkeys(counter_names(personality.NAME, impl, checks), 0)
        #: The counters that changed since the last record, with their new values.
        self._changed: dict[str, int] = {}
        self._records: list[StepTrace] = []
        #: Letters and digits of all hooks, in the order of their calls.
        self.hooks = self.hook_active = ""
        #: The states of the records by their values.
        self._states: dict[tuple[int | bool, ...], Mapping[str, int | bool]] = {}

    @property
    def active(self) -> bool:
        """Whether the running task is active at this point of the run; never in interrupt."""
        return self.is_active(self.task)

    def is_active(self, task: Task) -> bool:
        """Return whether a task is active at this point of the run."""
        return not self.in_interrupt and task.state.active

    def new_task(self, name: str, cpu: int, state: Any) -> Task:
        """Return a new task, which is not present."""
        if self._pause:
            self._pause(state, BeforeTheRun())
        task = self.tasks[name] = Task(name, cpu, state)
        return task

    def switch_out(self, task: Task, call: Call) -> None:
        """Make a task leave its CPU."""
        if self._pause:
            self._pause(task.state, TaskSwitch(call, task))
        self.model.switch_out(task)
        self.present[task.cpu] = None

    def bring(self, task: Task, call: Call) -> None:
        """Make a task present on its CPU, in place of the task that is; do nothing if it is present."""
        there = self.present[task.cpu]
        if there is task:
            return
        if there is not None:
            self.switch_out(there, call)
        self.present[task.cpu] = task
        self.model.switch_in(task)
        if self._resume:
            self._resume(task.state, TaskSwitch(call, task))

    def state(self, task: Task) -> Mapping[str, int | bool]:
        """Return a task's state as the trace shows it. Equal states are the same object."""
        values = astuple(task.state)
        kernels: Mapping[str, bool] = {}
        if self.is_kernels:
            kernels = self.model.kernel_state(task)
            values = (*values, *kernels.values())
        state = self._states.get(values)
        if state is None:
            state = self._states[values] = {**asdict(task.state), **kernels}
        return state

    def count(self, counter: str, number: int = 1) -> None:
        """Add to a counter, if the trace shows it."""
        # The kernel complains once a second, so that only a run's first complaint is certain to come.
        if counter == ATOMIC_SLEEPS and self.is_kernels and self.counters.get(counter):
            return
        if counter in self.counters:
            self.counters[counter] = self._changed[counter] = self.counters[counter] + number

    def steps(self, steps: Iterable[Step]) -> None:
        """Run steps one after the other; each leaves its record when it ends. Raises Misplaced."""
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

    def play(self, steps: Iterable[Step]) -> Trace:
        """Run the whole case. Return its trace. Raises Misplaced."""
        self.steps(steps)
        records = tuple(self._records)
        values = tuple(record.value for record in records if record.value is not None)
        table = {index: value for index, value in enumerate(self.memory) if value}
        return Trace(
            hooks=self.hooks,
            hook_active=self.hook_active,
            counters=dict(self.counters),
            values=None if self._hooks_only else values,
            outstanding=None if self._hooks_only else len(self.model.outstanding),
            table=None if self._hooks_only else table,
            tasks={name: {**self.state(task), "active": task.state.active} for name, task in self.tasks.items()},
            steps=records,
        )


def predict(case: Case, api: str, arch: str, impl: str = MODULE, checks: Collection[str] = ()) -> Trace:
    """Return what a right implementation of revision `api` does with the case under personality `arch`.

    The trace has what is visible of the implementation `impl`, and `checks` as in `counter_names`. Raises KeyError for
    an unknown name, SetupError for one whose file is broken, UsageError if the case has an operation that the revision
    does not have, even one that would never run, and Misplaced at the first step that cannot be done where it runs.
    """
    revision, personality = REVISIONS[api], PERSONALITIES[arch]
    has = ({*OPERATIONS} - {*BY_REVISION} | revision.CALLS.keys()) - missing_operations(arch, impl)
    missing = {step.op for step in case.walk()} - has
    if missing:
        who = f"revision {api}" if impl == MODULE else f"revision {api} of implementation {impl}"
        raise UsageError(f"{who} has no operation {', '.join(sorted(missing))}")
    return Run(revision, personality, case.tasks, impl, checks).play(case.steps)
