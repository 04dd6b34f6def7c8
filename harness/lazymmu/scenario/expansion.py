# SPDX-License-Identifier: GPL-2.0-only
"""Makes the numbered steps of a case from templates and values.

Each case is expanded when its file is loaded, which finds steps that are impossible or over a limit, and again when a
run needs it and it is no longer kept. Expansion stops at the limits of a case, so ten nested `times: 1000000000` cost
no more than the largest case.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from lazymmu.scenario.expectations import Part
from lazymmu.scenario.flow import Flow
from lazymmu.scenario.strict_yaml.problems import Problems, quote, shown
from lazymmu.scenario.strict_yaml.scalars import Literal
from lazymmu.scenario.templates import (
    Bindings,
    CheckTemplate,
    OperationTemplate,
    RepeatTemplate,
    Template,
    Value,
    number,
    resolve_pin,
)
from lazymmu.subject.case import Case, Check, Expectation, Step, Values
from lazymmu.subject.limits import MAX_CONTEXT_OPERATIONS, MAX_OPERATIONS
from lazymmu.subject.operations import CONTEXTS
from lazymmu.support.errors import Place, Problem

#: Steps and turns of `repeat` in one case, and in all cases of one scenario. They bound the time of expansion, that of
#: empty turns included.
MAX_CASE_VISITS = 1 << 18
MAX_ALL_VISITS = 1 << 22

#: How many expanded cases are kept: those whose programs were sent ahead to each of a few machines.
_KEPT = 16


class Expanded(Struct, frozen=True):
    """What expansion made of one case."""

    steps: tuple[Step, ...]
    #: Steps and turns of `repeat`.
    visits: int
    problems: Sequence[Problem]


#: Expands an Expansion's case from the values of the names in it, and keeps the last results.
Expander = Callable[..., Expanded]


def expander() -> Expander:
    """Return an expander for all scenarios that are loaded together, so that they share what is kept.

    Several threads may use it at the same time: in the worst case they expand the same case twice.
    """
    return functools.lru_cache(maxsize=_KEPT)(_expand)


class Expansion(Struct, frozen=True, eq=False):
    """Makes the cases of one scenario. Cases with equal steps share them while they are kept."""

    #: The place of the list of steps.
    place: Place
    steps: Sequence[Template]
    parts: Sequence[Part]
    #: Declared tasks with their CPUs.
    tasks: Mapping[str, Value]
    #: Task that a `fork` makes -> where the first one is.
    forks: Mapping[str, Place]
    #: The `vary` names in steps and tasks.
    used: Sequence[str]
    expander: Expander

    def expanded(self, values: Values) -> Expanded:
        """Return the steps of one combination of `vary` values, with what is wrong in them."""
        return self.expander(self, *(values[name] for name in self.used))

    def __call__(self, values: Values) -> Case:
        """Return the case of one combination of `vary` values."""
        # One expectation for each part, so that each has its own place.
        expect = tuple(
            Expectation({part.key: resolve_pin(part.pin, values)}, part.place, part.api, part.arch)
            for part in self.parts
        )
        return Case(values, self.expanded(values).steps, expect, self.cpus(values))

    def cpus(self, values: Bindings) -> dict[str, int]:
        """Return the CPU of each declared task."""
        return {name: number(cpu, values) for name, cpu in self.tasks.items()}


class _TooMuch(Exception):
    """The case is over a limit."""


def _expand(expansion: Expansion, *used: Literal) -> Expanded:
    """Return the steps of all cases in which the used names have these values."""
    values = dict(zip(expansion.used, used, strict=True))
    problems = Problems()
    case = _Case(values, Flow(expansion.cpus(values), expansion.forks, problems), problems)
    steps: list[Step] = []
    for template in expansion.steps:
        try:
            case.add(template, steps)
        except _TooMuch as limit:
            problems.add(template.place, f"more than {limit} after expansion, up to this step{shown(values)}")
            return Expanded((), case.visits, problems.found)
    if not steps:
        problems.add(expansion.place, f"no steps left after expansion{shown(values)}")
    return Expanded(tuple(steps), case.visits, problems.found)


class _Case:
    """Expands one case."""

    def __init__(self, values: Bindings, flow: Flow, problems: Problems) -> None:
        """Take the values of the names in the case."""
        self.visits = 0
        self._next = 0
        self._values = dict(values)
        self._flow = flow
        self._problems = problems

    def add(self, template: Template, made: list[Step]) -> None:
        """Add the steps of a template. Raises _TooMuch at the limit."""
        self._visit()
        if isinstance(template, RepeatTemplate):
            self._repeat(template, made)
        else:
            made.append(self._operation(template))

    def _visit(self) -> None:
        self.visits += 1
        if self.visits > MAX_CASE_VISITS:
            raise _TooMuch(f"{MAX_CASE_VISITS:,} steps and turns of `repeat`")

    def _all(self, templates: Iterable[Template]) -> tuple[Step, ...]:
        made: list[Step] = []
        for template in templates:
            self.add(template, made)
        return tuple(made)

    def _repeat(self, template: RepeatTemplate, made: list[Step]) -> None:
        for turn in range(number(template.times, self._values)):
            self._visit()
            if template.name is not None:
                self._values[template.name] = turn
            for inner in template.body:
                self.add(inner, made)
        if template.name is not None:
            self._values.pop(template.name, None)

    def _operation(self, template: OperationTemplate) -> Step:
        index = self._next
        self._next += 1
        if self._next > MAX_OPERATIONS:
            raise _TooMuch(f"{MAX_OPERATIONS:,} operations")
        self._flow.follow(template, self._values)
        before_hook = self._all(template.before_hook) if template.before_hook else ()
        body = self._all(template.body) if template.body else ()
        if template.op in CONTEXTS:
            self._check_context(template, self._next - index - 1)
        check = None if template.check is None else self._check(template.check)
        args = {
            name: value if isinstance(value, str) else number(value, self._values)
            for name, value in template.args.items()
        }
        answer = None if template.answer is None else number(template.answer, self._values)
        return Step(index, template.op, template.place, args, body, before_hook, check, answer)

    def _check_context(self, template: OperationTemplate, size: int) -> None:
        """Report a context with too many steps, or with none: the module takes no empty context."""
        if size > MAX_CONTEXT_OPERATIONS:
            message = f"more than {MAX_CONTEXT_OPERATIONS:,} operations in this {quote(template.op)}"
            self._problems.add_once(template.place, message + shown(self._values))
        elif size == 0:
            message = f"no steps left in this {quote(template.op)}"
            self._problems.add_once(template.place, message + shown(self._values))

    def _check(self, template: CheckTemplate) -> Check:
        pins = {name: resolve_pin(pin, self._values) for name, pin in template.pins.items()}
        return Check(pins, task=template.task, apis=template.apis, arches=template.arches)
