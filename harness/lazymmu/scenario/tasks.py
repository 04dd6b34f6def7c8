# SPDX-License-Identifier: GPL-2.0-only
"""The key `tasks`, and names of tasks. `placement.py` has what depends on the order of the steps."""

import re
from collections.abc import Mapping, Sequence

from lazymmu.scenario.context import Context
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.scalars import Reference, meaning
from lazymmu.scenario.templates import UNREADABLE, OperationTemplate, Template, Value, operations
from lazymmu.subject.limits import MAIN_TASK, MAX_TASK_NAME, MAX_TASKS
from lazymmu.subject.operations import CPU

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WANTED = "a task's name (letters, digits, `_` and `-`)"


def read_tasks(context: Context, node: Node) -> Mapping[str, Value] | None:
    """Return the tasks that the key `tasks` declares with their CPUs, None if any could not be read."""
    content = context.table(node, "`tasks`", "names, for example {other: {cpu: 1}}")
    if content is None:
        return None
    before = len(context.problems)
    tasks: dict[str, Value] = {}
    for key, value in content.pairs:
        name = task_name(context, key, "a key of `tasks`")
        if name == MAIN_TASK:
            context.problems.add(key.place, f"{quote(MAIN_TASK)} cannot be declared: it always exists, on CPU 0")
        cpu = _read_task(context, value, quote(key.text))
        if name is not None and cpu is not None:
            tasks[name] = cpu
    if len(content.pairs) >= MAX_TASKS:
        first_too_many = content.pairs[MAX_TASKS - 1][0]
        context.problems.add(first_too_many.place, f"more than {MAX_TASKS} tasks with {quote(MAIN_TASK)}", rule="limit")
    return tasks if len(context.problems) == before else None


def _read_task(context: Context, node: Node, what: str) -> Value | None:
    if isinstance(node, Table) and not node.pairs:
        return 0
    content = context.table(node, what, "{cpu: 1}, or {} for CPU 0")
    if content is None:
        return None
    found = context.fields(content, what, ("cpu",))
    return context.integer(found["cpu"][1], "`cpu`", CPU.low, CPU.high) if "cpu" in found else 0


def task_name(context: Context, node: Node, what: str) -> str | None:
    """Return a name that a task may have, whether or not there is such a task."""
    found = meaning(node) if isinstance(node, Scalar) else None
    if isinstance(found, Reference):
        context.problems.add(node.place, f"{what} takes {_WANTED}: a `$name` is not allowed")
    elif not isinstance(node, Scalar) or not isinstance(found, str):
        context.mistaken(node, what, _WANTED)
    elif _NAME.fullmatch(found) is None:
        context.problems.add(node.place, f"{quote(found)} cannot be a task's name: letters, digits, `_` and `-`")
    elif len(found) > MAX_TASK_NAME:
        context.problems.add(
            node.place, f"{quote(found)} is too long for a task's name: {MAX_TASK_NAME} at most", rule="limit"
        )
    else:
        return found
    return None


def may_fork_unnamed(step: OperationTemplate) -> bool:
    """Return whether a step was reported that may make a task whose name is not known."""
    return step.op == UNREADABLE or (step.op == "fork" and not step.args)


def report_unknown_tasks(context: Context, steps: Sequence[Template]) -> None:
    """Report the tasks that steps name, and no declaration and no `fork`."""
    known = context.tasks or ()
    for step in operations(steps):
        name = step.args.get("task")
        if isinstance(name, str) and name not in known and step.named is not None:
            context.unknown(Scalar(step.named, name, quoted=False), f"task {quote(name)}", known)
