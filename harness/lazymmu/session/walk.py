# SPDX-License-Identifier: GPL-2.0-only
"""Walks a case operation by operation in a guest.

A guest runs a whole program in one call, and each program starts with fresh tasks and an empty table. So to stop after
a step is to run the case up to it, and to go back is to run less of it. The case may end within an interrupt or a
`before_hook`: the steps around it then end there, too.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.scenario import fragment
from lazymmu.subject.case import Case, Scenario, Step
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import GuestError, Misplaced, UsageError


class Stop(Struct, frozen=True):
    """A point of a walk: after one step."""

    #: Its number among the stops, from 1, and how many there are.
    number: int
    of: int
    step: Step
    #: The steps around it, the outermost first.
    around: tuple[Step, ...]
    #: The case up to the step.
    case: Case
    predicted: Trace
    result: Result


class Walk:
    """The stops of one unit's case: the steps that the model says run, in the order in which they end."""

    def __init__(self, unit: Unit, run: Callable[[Scenario], Result]) -> None:
        """Take the unit, and what runs a scenario of one case in a guest as the unit says."""
        self._unit = unit
        self._run = run
        self._use(unit.case.steps)

    def _use(self, steps: tuple[Step, ...]) -> None:
        given = self._unit.case
        # What the author expects at the end is of the case without what a user adds.
        case = replace(given, steps=steps, expect=given.expect if steps is given.steps else ())
        predicted = self._predict(case)
        by_index = {step.index: step for step in case.walk()}
        self._case = case
        self._steps = by_index
        self._stops = [by_index[record.index] for record in predicted.steps]

    def _predict(self, case: Case) -> Trace:
        return predict(case, self._unit.api, self._unit.personality, self._unit.impl)

    def __len__(self) -> int:
        return len(self._stops)

    def at(self, number: int) -> Stop:
        """Run the case up to a stop, from 1, and return what was seen there. Raises GuestError if the guest is lost."""
        step = self._stops[number - 1]
        case, predicted = self._until(number)
        around = tuple(one for one in case.walk() if one.index < step.index <= _last(self._steps[one.index]))
        return Stop(number, len(self), step, around, case, predicted, self._observe(case))

    def _observe(self, case: Case) -> Result:
        result = self._run(replace(self._unit.scenario, cases=(case,)))
        if result.outcome is Outcome.ERROR:
            raise GuestError(result.reason, details=result.details, place=result.step_place)
        return result

    def _until(self, number: int) -> tuple[Case, Trace]:
        """Return the case up to a stop, with its prediction.

        A list of steps that switches tasks ends only after it has switched back, so the part may be extended.
        """
        for step in self._stops[number - 1 : -1]:
            case = replace(self._case, steps=_cut(self._case.steps, _last(step)), expect=())
            try:
                return case, self._predict(case)
            except Misplaced:
                continue
        return self._case, self._predict(self._case)

    def number_of(self, index: int) -> int:
        """Return the stop after a step. Raises UsageError if there is no such step, or if it never runs."""
        step = self._steps.get(index)
        if step is None:
            raise UsageError(f"there is no step {index}", hint=f"the steps are 0 to {len(self._steps) - 1}")
        numbers = {stop.index: number for number, stop in enumerate(self._stops, 1)}
        if index not in numbers:
            raise UsageError(
                f"the case never reaches step {index} {step.op} ({step.place})",
                hint=f"on {self._unit.personality}, {self._unit.api} does not call the hook of the call around it",
            )
        return numbers[index]

    def first_difference(self) -> int | None:
        """Run the whole case, and return the stop that differs first, the last one if only the end does; else None.

        Raises GuestError if the guest is lost.
        """
        result = self._observe(self._case)
        if result.outcome is Outcome.PASS:
            return None
        steps = [step.index for step in self._stops]
        first = [steps.index(part.step) + 1 for part in result.parts if part.step in steps]
        return min(first, default=len(self))

    def insert(self, number: int, text: str) -> int:
        """Add a line of YAML after a stop, beside its step. Return the stop after what was added.

        Raises ScenarioError for a line that is wrong there, and UsageError for what the revision does not have.
        """
        new = fragment.steps(text)
        steps = _inserted(self._case.steps, self._stops[number - 1].index, new)
        before = len(self)
        self._use(tuple(_numbered(steps, count())))
        return number + len(self) - before


def _last(step: Step) -> int:
    """Return the highest number of a step and those in it."""
    return max(one.index for one in step.walk())


def _cut(steps: Sequence[Step], last: int) -> tuple[Step, ...]:
    """Return the steps up to a number, also within the last one."""
    return tuple(
        replace(step, body=_cut(step.body, last), before_hook=_cut(step.before_hook, last))
        if step.body or step.before_hook
        else step
        for step in steps
        if step.index <= last
    )


def _inserted(steps: Sequence[Step], after: int, new: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield replace(
            step,
            body=tuple(_inserted(step.body, after, new)),
            before_hook=tuple(_inserted(step.before_hook, after, new)),
        )
        if step.index == after:
            yield from new


def _numbered(steps: Iterator[Step] | Sequence[Step], numbers: Iterator[int]) -> Iterator[Step]:
    """Yield steps with new numbers, in the order of the text."""
    for step in steps:
        index = next(numbers)
        before_hook = tuple(_numbered(step.before_hook, numbers))
        yield replace(step, index=index, before_hook=before_hook, body=tuple(_numbered(step.body, numbers)))
