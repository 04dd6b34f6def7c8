# SPDX-License-Identifier: GPL-2.0-only
"""What depends on the order of the steps: which tasks exist, which one runs, and on which CPU each is.

The templates are walked as a case would run them, those that have no part in this left out. A turn of `repeat` that
ends as it began is the last one that is walked, so that a million turns cost as much as two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lazymmu.scenario.strict_yaml.problems import Problems, known, quote, shown, suggest
from lazymmu.scenario.strict_yaml.scalars import Reference
from lazymmu.scenario.templates import UNREADABLE, Bindings, OperationTemplate, RepeatTemplate, Template, Value, number
from lazymmu.subject.limits import MAIN_TASK, MAX_TASKS
from lazymmu.support.errors import Place

#: Steps after which another task runs, or on another CPU, or one more exists.
_MOVING = ("switch", "migrate", "fork", UNREADABLE)


class _Lost(Exception):
    """A step could not be read: what runs behind it is not known, and what is wrong with it was told."""


class Flow:
    """Walks the cases of one scenario, and reports each step that cannot be done where it stands."""

    def __init__(
        self,
        steps: Sequence[Template],
        tasks: Mapping[str, Value],
        forks: Mapping[str, Place],
        problems: Problems,
    ) -> None:
        """Take the templates, the declared tasks with their CPUs, and all that a `fork` names with its place."""
        self._tasks = tasks
        self._forks = forks
        self._problems = problems
        self._reported: set[Place] = set()
        self._kept: dict[int, tuple[Template, ...]] = {}
        self._names_of: dict[int, frozenset[str]] = {}
        self._steps = self._relevant(steps)
        names = {value.name for value in tasks.values() if isinstance(value, Reference)}
        self._sizing = sorted(names.union(*(self._names(step) for step in self._steps)))
        self._seen: set[tuple[object, ...]] = set()
        # Of the case that is walked.
        self._running = MAIN_TASK
        self._cpus: dict[str, int] = {}
        self._values: dict[str, int | bool | str] = {}

    def look_at(self, cases: Iterable[Bindings]) -> None:
        """Report what cannot be done in these cases, given by their values; where the same happens one is enough."""
        if not self._steps:
            return
        for values in cases:
            self._look_at_case(values)
            if not self._sizing:
                return

    def _look_at_case(self, values: Bindings) -> None:
        key = tuple(values[name] for name in self._sizing)
        if key in self._seen:
            return
        self._seen.add(key)
        self._running, self._values = MAIN_TASK, dict(values)
        self._cpus = {MAIN_TASK: 0, **{name: number(cpu, values) for name, cpu in self._tasks.items()}}
        try:
            self._walk(self._steps)
        except _Lost:
            return

    def _relevant(self, steps: Sequence[Template]) -> tuple[Template, ...]:
        """Return the steps that name a task or move one; the ends of blocks only where a task may be switched."""
        if not any(_involved(step) for step in _all(steps)):
            return ()
        return self._with_part(steps)

    def _with_part(self, steps: Iterable[Template]) -> tuple[Template, ...]:
        return tuple(step for step in steps if self._has_part(step))

    def _has_part(self, step: Template) -> bool:
        if isinstance(step, OperationTemplate):
            nested = self._kept[id(step)] = self._with_part((*step.before_hook, *step.body))
            return bool(nested or step.begins or step.ends) or _involved(step)
        self._kept[id(step)] = self._with_part(step.body)
        return bool(self._kept[id(step)])

    def _names(self, step: Template) -> frozenset[str]:
        """Return the names that what a step does to tasks depends on."""
        found = self._names_of.get(id(step))
        if found is None:
            found = frozenset().union(*(self._names(nested) for nested in self._kept[id(step)]))
            if isinstance(step, RepeatTemplate):
                found -= {step.name}
                found |= {step.times.name} if isinstance(step.times, Reference) else set()
            elif isinstance(cpu := step.args.get("cpu"), Reference):
                found |= {cpu.name}
            self._names_of[id(step)] = found
        return found

    def _walk(self, steps: Sequence[Template]) -> None:
        begun: list[str] = []
        for step in steps:
            if isinstance(step, RepeatTemplate):
                self._repeat(step)
            else:
                if step.ends:
                    self._end_block(step, begun.pop())
                self._operation(step)
                if step.begins:
                    begun.append(self._running)

    def _repeat(self, step: RepeatTemplate) -> None:
        body = self._kept[id(step)]
        varies = any(step.name in self._names(nested) for nested in body)
        for turn in range(number(step.times, self._values)):
            if step.name is not None:
                self._values[step.name] = turn
            before = (self._running, dict(self._cpus))
            self._walk(body)
            if not varies and before == (self._running, self._cpus):
                break
        if step.name is not None:
            self._values.pop(step.name, None)

    def _operation(self, step: OperationTemplate) -> None:
        if step.op == UNREADABLE:
            raise _Lost
        named = step.check.task if step.check is not None else step.args.get("task")
        if step.op == "fork":
            self._fork(step, str(named))
        elif step.op == "migrate":
            self._migrate(step)
        elif named is not None and self._exists(step, str(named)) and step.op == "switch":
            self._switch(step, str(named))
        self._walk(self._kept[id(step)])

    def _fork(self, step: OperationTemplate, name: str) -> None:
        if name in self._cpus:
            self._report(step, f"task {quote(name)} exists already: a `fork` needs a new name")
        elif len(self._cpus) == MAX_TASKS:
            self._report(step, f"more than {MAX_TASKS} tasks with {quote(MAIN_TASK)}")
        else:
            self._cpus[name] = self._cpus[self._running]

    def _migrate(self, step: OperationTemplate) -> None:
        cpu = number(step.args["cpu"], self._values)
        if cpu == self._cpus[self._running]:
            self._report(step, f"task {quote(self._running)} is on CPU {cpu} already")
        self._cpus[self._running] = cpu

    def _switch(self, step: OperationTemplate, name: str) -> None:
        if name == self._running:
            self._report(step, f"task {quote(name)} runs already")
        self._running = name

    def _exists(self, step: OperationTemplate, name: str) -> bool:
        if name in self._cpus:
            return True
        if name in self._forks:
            line = self._forks[name].line
            self._report(step, f"there is no task {quote(name)} yet: no `fork` of it (line {line}) came before")
        else:
            tasks = tuple(dict.fromkeys((*self._cpus, *self._forks)))
            hint = suggest(name, tasks) or known(tasks)
            self._report(step, f"unknown task {quote(name)}{hint}", of_case=False)
        return False

    def _end_block(self, step: OperationTemplate, first: str) -> None:
        if self._running != first:
            self._report(
                step,
                f"{quote(step.ends)} begins in task {quote(first)} and ends in {quote(self._running)}: "
                f"switch back before its end",
            )

    def _report(self, step: OperationTemplate, message: str, *, of_case: bool = True) -> None:
        place = step.named or step.place
        if place not in self._reported:
            self._reported.add(place)
            self._problems.add(place, message + (shown(self._values) if of_case else ""))


def readable(steps: Iterable[Template]) -> bool:
    """Return whether every step was read that may name a task."""
    return not any(isinstance(step, OperationTemplate) and step.op == UNREADABLE for step in _all(steps))


def _involved(step: Template) -> bool:
    """Return whether the step itself names a task or moves one."""
    return isinstance(step, OperationTemplate) and (
        step.op in _MOVING or "task" in step.args or (step.check is not None and step.check.task is not None)
    )


def _all(steps: Iterable[Template]) -> Iterator[Template]:
    for step in steps:
        yield step
        yield from _all(step.body)
        if isinstance(step, OperationTemplate):
            yield from _all(step.before_hook)
