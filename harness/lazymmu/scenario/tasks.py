# SPDX-License-Identifier: GPL-2.0-only
"""Tasks: the key `tasks`, how a task is named, and the steps that switch between tasks, make them and move them.

What depends on the order of the steps (which task runs, on which CPU, which exist) is looked at in `flow.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lazymmu.scenario import reading
from lazymmu.scenario.reading import Context
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.scalars import Reference, meaning
from lazymmu.scenario.templates import UNREADABLE, OperationTemplate, Template, Value
from lazymmu.subject.limits import CPUS, MAIN_TASK, MAX_SLEEP_MS, MAX_TASK_NAME, MAX_TASKS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WANTED = "a task's name (letters, digits, `_` and `-`)"


def read_tasks(context: Context, node: Node) -> Mapping[str, Value] | None:
    """Return the tasks that the key `tasks` declares with their CPUs, None when any could not be read."""
    content = reading.table(context, node, "`tasks`", "names, for example {other: {cpu: 1}}")
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
        context.problems.add(first_too_many.place, f"more than {MAX_TASKS} tasks with {quote(MAIN_TASK)}")
    return tasks if len(context.problems) == before else None


def _read_task(context: Context, node: Node, what: str) -> Value | None:
    if isinstance(node, Table) and not node.pairs:
        return 0
    content = reading.table(context, node, what, "{cpu: 1}, or {} for CPU 0")
    if content is None:
        return None
    found = reading.fields(context, content, what, ("cpu",))
    return _cpu(context, found["cpu"][1]) if "cpu" in found else 0


def _cpu(context: Context, node: Node) -> Value | None:
    return reading.integer(context, node, "`cpu`", 0, CPUS - 1)


def task_name(context: Context, node: Node, what: str) -> str | None:
    """Return what may be the name of a task; whether there is such a task is not looked at."""
    found = meaning(node) if isinstance(node, Scalar) else None
    if isinstance(found, Reference):
        context.problems.add(node.place, f"{what} takes {_WANTED}: a `$name` cannot stand for one")
    elif not isinstance(node, Scalar) or not isinstance(found, str):
        reading.mistaken(context, node, what, _WANTED)
    elif _NAME.fullmatch(found) is None:
        context.problems.add(node.place, f"{quote(found)} cannot be a task's name: letters, digits, `_` and `-`")
    elif len(found) > MAX_TASK_NAME:
        context.problems.add(node.place, f"{quote(found)} is too long for a task's name: {MAX_TASK_NAME} at most")
    else:
        return found
    return None


def read_named(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- switch: other`, `- fork: child`, `- pause_task: other` or `- resume_task: other`."""
    task = task_name(context, node, quote(key.text))
    if task is None:
        return [unreadable(key)]
    if key.text == "fork":
        context.forks.setdefault(task, node.place)
    return [OperationTemplate(key.text, key.place, {"task": task}, named=node.place)]


def read_migrate(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- migrate: {cpu: 1}`."""
    content = reading.table(context, node, "`migrate`", "{cpu: 1}")
    if content is None:
        return [unreadable(key)]
    found = reading.fields(context, content, "`migrate`", ("cpu",))
    if "cpu" not in found:
        return [unreadable(key)]  # what stands there instead was told
    cpu = _cpu(context, found["cpu"][1])
    if cpu is None:
        return [unreadable(key)]
    return [OperationTemplate("migrate", key.place, {"cpu": cpu}, named=found["cpu"][1].place)]


def read_sleep(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- sleep: 10`, in milliseconds."""
    milliseconds = reading.integer(context, node, "`sleep`", 0, MAX_SLEEP_MS)
    return [] if milliseconds is None else [OperationTemplate("sleep", key.place, {"ms": milliseconds})]


def unreadable(node: Node) -> OperationTemplate:
    """Return what stands for a step that was reported and may have changed which task runs, or where."""
    return OperationTemplate(UNREADABLE, node.place)
