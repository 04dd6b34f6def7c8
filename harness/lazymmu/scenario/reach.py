# SPDX-License-Identifier: GPL-2.0-only
"""Finds the pins of a scenario that are compared in none of the runs that were selected."""

from collections.abc import Iterable, Iterator
from itertools import product

from lazymmu.subject.case import Case, Scenario, Step
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import Place

#: A case, a revision and a personality.
Run = tuple[Case, str, str]


def every_run(scenario: Scenario) -> Iterable[Run]:
    """Return all runs to which a scenario applies."""
    return product(scenario.cases, scenario.apis, scenario.personalities)


def unreached(scenario: Scenario, runs: Iterable[Run]) -> list[Place]:
    """Return the places of the checks, answers and parts of `expect` that no run compares."""
    left = {part.place for case in scenario.cases for part in case.expect}
    left |= {step.place for case in scenario.cases for step, _ in _pinned(case.steps)}
    for case, api, personality in runs:
        if not left:
            break
        left -= {part.place for part in case.expected(api, personality)}
        ran: set[int] | None = None
        for step, may_not_run in _pinned(case.steps) if left else ():
            if step.place in left and (step.check is None or step.check.applies(api, personality)):
                if may_not_run and ran is None:
                    ran = {record.index for record in predict(case, api, personality).steps}
                if ran is None or step.index in ran:
                    left.discard(step.place)
    return sorted(left)


def _pinned(steps: Iterable[Step], *, may_not_run: bool = False) -> Iterator[tuple[Step, bool]]:
    """Yield the steps with a pin, and whether each is in a `before_hook`, which may not run."""
    for step in steps:
        if (step.check is not None and step.check.pins) or step.answer is not None:
            yield step, may_not_run
        if step.before_hook or step.body:
            yield from _pinned(step.before_hook, may_not_run=True)
            yield from _pinned(step.body, may_not_run=may_not_run)
