# SPDX-License-Identifier: GPL-2.0-only
"""Makes the cases of a scenario, with their numbered steps, from templates and values.

Expansion stops at its limits, so ten nested `times: 1000000000` cost no more than the largest scenario.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lazymmu.scenario.context import Context
from lazymmu.scenario.expectations import Part
from lazymmu.scenario.strict_yaml.problems import Problems, quote, shown
from lazymmu.scenario.strict_yaml.scalars import Literal
from lazymmu.scenario.templates import Bindings, OperationTemplate, Template, Value, number, resolve_pin
from lazymmu.subject.case import Case, Check, Expectation, Step
from lazymmu.subject.limits import MAX_CONTEXT_OPERATIONS, MAX_OPERATIONS, TABLE_ENTRIES
from lazymmu.subject.operations import CONTEXTS
from lazymmu.support.errors import Place

#: Steps and turns of `repeat` in all cases of one scenario. It bounds memory, and the time of empty turns.
MAX_VISITS = 1 << 20


class _TooMuch(Exception):
    """The scenario is over a limit."""


def cases(
    context: Context,
    place: Place,
    steps: Sequence[Template],
    parts: Sequence[Part],
    tasks: Mapping[str, Value],
    combinations: Sequence[Bindings],
    names: Sequence[str],
) -> tuple[Case, ...]:
    """Return one case for each combination of `vary` values; report what is wrong in them, and end at a limit.

    `place` is that of the list of steps, `names` are those in steps and tasks. Cases with equal steps share them.
    """
    problems = context.problems
    found: list[Case] = []
    shared: dict[tuple[Literal, ...], tuple[Step, ...]] = {}
    visits = itertools.count(1)
    for values in combinations:
        used = {name: values[name] for name in names}
        cpus = {name: number(cpu, used) for name, cpu in tasks.items()}
        key = tuple(used.values())
        if key not in shared:
            case = _Case(used, problems, visits)
            made: list[Step] = []
            for template in steps:
                try:
                    case.add(template, made)
                except _TooMuch as limit:
                    problems.add(
                        template.place, f"more than {limit} after expansion, up to this step{shown(used)}", rule="limit"
                    )
                    return ()
            if not made:
                problems.add_once(place, f"no steps left after expansion{shown(used)}", rule="missing")
            shared[key] = tuple(made)
        expect = tuple(
            Expectation(part.key, resolve_pin(part.pin, values), part.place, part.api, part.arch) for part in parts
        )
        found.append(Case(values, shared[key], expect, cpus))
    return tuple(found)


class _Case:
    """Expands one case."""

    def __init__(self, values: Bindings, problems: Problems, visits: Iterator[int]) -> None:
        # Counts steps and turns of all cases.
        self._visits = visits
        self._next = 0
        self._values = dict(values)
        self._problems = problems

    def add(self, template: Template, made: list[Step]) -> None:
        """Add the steps of a template. Raises _TooMuch at the limit."""
        self._visit()
        if isinstance(template, OperationTemplate):
            made.append(self._operation(template))
            return
        for turn in range(number(template.times, self._values)):
            self._visit()
            if template.name is not None:
                self._values[template.name] = turn
            for inner in template.body:
                self.add(inner, made)
        if template.name is not None:
            self._values.pop(template.name, None)

    def _visit(self) -> None:
        if next(self._visits) > MAX_VISITS:
            raise _TooMuch(f"{MAX_VISITS:,} steps and turns of `repeat` in all cases")

    def _all(self, templates: Iterable[Template]) -> tuple[Step, ...]:
        made: list[Step] = []
        for template in templates:
            self.add(template, made)
        return tuple(made)

    def _operation(self, template: OperationTemplate) -> Step:
        index = self._next
        self._next += 1
        if self._next > MAX_OPERATIONS:
            raise _TooMuch(f"{MAX_OPERATIONS:,} operations")
        before_hook = self._all(template.before_hook) if template.before_hook else ()
        body = self._all(template.body) if template.body else ()
        if template.op in (*CONTEXTS, "meanwhile"):
            self._check_size(template, self._next - index - 1)
        check = None
        if template.check is not None:
            pins = {name: resolve_pin(pin, self._values) for name, pin in template.check.pins.items()}
            check = Check(pins, template.check.task, template.check.apis, template.check.arches)
        args = {
            name: value if isinstance(value, str) else number(value, self._values)
            for name, value in template.args.items()
        }
        end = int(args.get("index", 0)) + int(args.get("count", 0))
        if end > TABLE_ENTRIES:
            message = f"the range ends at {end}: the table has entries 0 to {TABLE_ENTRIES - 1}"
            self._problems.add_once(template.named or template.place, message + shown(self._values))
        answer = None if template.answer is None else number(template.answer, self._values)
        ends = template.begins, template.ends
        return Step(index, template.op, template.place, args, body, before_hook, check, answer, template.named, *ends)

    def _check_size(self, template: OperationTemplate, size: int) -> None:
        """Report a context with too many steps, or a list with none: the module takes no empty one."""
        if 0 < size <= (MAX_CONTEXT_OPERATIONS if template.op in CONTEXTS else MAX_OPERATIONS):
            return
        wrong = f"more than {MAX_CONTEXT_OPERATIONS:,} operations" if size else "no steps left"
        self._problems.add_once(template.place, f"{wrong} in this {quote(template.op)}{shown(self._values)}")
