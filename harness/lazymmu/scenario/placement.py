# SPDX-License-Identifier: GPL-2.0-only
"""Finds steps that cannot be done where they run: the model runs each case, and says which task runs there, and where.

The steps of a `before_hook` run only if its hook is called, which differs by revision and personality.
"""

from collections.abc import Sequence
from itertools import product

from lazymmu.scenario.strict_yaml.problems import Problems, shown
from lazymmu.scenario.templates import OperationTemplate, Template, operations
from lazymmu.subject.case import Case
from lazymmu.subject.operations import OPERATIONS, Kind
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import Misplaced, Problem

#: Operations that change which task runs, or where, or make one.
_MOVING = {name for name, operation in OPERATIONS.items() if operation.kind in (Kind.TASK, Kind.MEANWHILE)}


def report_misplaced(
    problems: Problems,
    steps: Sequence[Template],
    cases: Sequence[Case],
    apis: Sequence[str],
    personalities: Sequence[str],
) -> None:
    """Report the first such step of each case, for all revisions and personalities; equal mistakes once."""
    if not any(map(_moves, operations(steps))):
        return
    pairs = list(product(apis, personalities))
    if not any(_may_move(step) for step in operations(steps)):
        pairs = pairs[:1]  # the tasks move alike in all
    found: set[Problem] = set()
    first = {id(case.steps): case for case in reversed(cases)}
    for case in cases:
        if first[id(case.steps)] is not case:
            continue
        wrong: dict[Problem, list[str]] = {}
        for api, personality in pairs:
            try:
                predict(case, api, personality)
            except Misplaced as misplaced:
                for problem in misplaced.problems:
                    wrong.setdefault(problem, []).append(f"{api} as {personality}")
        for problem, where in wrong.items():
            if problem not in found:
                found.add(problem)
                only = "" if len(where) == len(pairs) else f" (for example in {where[0]})"
                problems.add(problem.place, f"{problem.message}{shown(case.values)}{only}", rule="order")


def _moves(step: OperationTemplate) -> bool:
    return step.op in _MOVING


def _may_move(step: OperationTemplate) -> bool:
    """Return whether a `before_hook` may move a task, or name one that does not exist yet."""
    return any(_moves(inner) or "task" in inner.args for inner in operations(step.before_hook))
