# SPDX-License-Identifier: GPL-2.0-only
"""Follows the tasks from step to step: which of them exist, which one runs, and on which CPU each is."""

from collections.abc import Mapping

from lazymmu.scenario.strict_yaml.problems import Problems, known, quote, shown
from lazymmu.scenario.templates import UNREADABLE, Bindings, OperationTemplate, number
from lazymmu.subject.limits import MAIN_TASK, MAX_TASKS
from lazymmu.support.errors import Place


class Flow:
    """Follows the tasks of one case while it is expanded, and reports each step that cannot be done at its place."""

    def __init__(self, cpus: Mapping[str, int], forks: Mapping[str, Place], problems: Problems) -> None:
        self._cpus = {MAIN_TASK: 0, **cpus}
        #: Task that a `fork` makes -> where the first one is.
        self._forks = forks
        self._problems = problems
        self._running = MAIN_TASK
        #: The tasks in which the blocks around this step began.
        self._begun: list[str] = []
        #: Whether it is known which task runs now, and where.
        self._known = True

    def follow(self, step: OperationTemplate, values: Bindings) -> None:
        """Do what one step does to the tasks; call it for all steps in their order."""
        self._known = self._known and step.op != UNREADABLE
        if not self._known:
            return
        if step.ends and (first := self._begun.pop()) != self._running:
            where = f"begins in task {quote(first)} and ends in {quote(self._running)}"
            self._report(step, f"{quote(step.ends)} {where}: switch back before its end", values)
        name = str(step.args.get("task", ""))
        if step.op == "migrate":
            cpu = number(step.args["cpu"], values)
            if cpu == self._cpus[self._running]:
                self._report(step, f"task {quote(self._running)} is on CPU {cpu} already", values)
            self._cpus[self._running] = cpu
        elif step.op == "fork":
            self._fork(step, values, name)
        elif name and name not in self._cpus:
            self._missing(step, values, name)
        elif step.op == "switch":
            if name == self._running:
                self._report(step, f"task {quote(name)} runs already", values)
            self._running = name
        if step.begins:
            self._begun.append(self._running)

    def _fork(self, step: OperationTemplate, values: Bindings, name: str) -> None:
        if name in self._cpus:
            self._report(step, f"task {quote(name)} exists already: a `fork` needs a new name", values)
        elif len(self._cpus) == MAX_TASKS:
            self._report(step, f"more than {MAX_TASKS} tasks with {quote(MAIN_TASK)}", values)
        else:
            self._cpus[name] = self._cpus[self._running]

    def _missing(self, step: OperationTemplate, values: Bindings, name: str) -> None:
        if name in self._forks:
            line = self._forks[name].line
            self._report(step, f"there is no task {quote(name)} yet: no `fork` of it (line {line}) came before", values)
        else:
            tasks = tuple(dict.fromkeys((*self._cpus, *self._forks)))
            self._report(step, f"unknown task {quote(name)}{known(name, tasks)}", {})

    def _report(self, step: OperationTemplate, message: str, values: Bindings) -> None:
        self._problems.add_once(step.named or step.place, message + shown(values))
