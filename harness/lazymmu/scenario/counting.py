# SPDX-License-Identifier: GPL-2.0-only
"""How many steps the templates will make, found without making any: `times: 1000000000` ten deep costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from lazymmu.scenario.limits import MAX_ALL_VISITS, MAX_CASE_VISITS
from lazymmu.scenario.strict_yaml.problems import Problems, quote, shown
from lazymmu.scenario.strict_yaml.scalars import Literal, Reference
from lazymmu.scenario.templates import Bindings, OperationTemplate, RepeatTemplate, Template, number
from lazymmu.subject.limits import MAX_CONTEXT_OPERATIONS, MAX_OPERATIONS
from lazymmu.subject.operations import CONTEXTS
from lazymmu.support.errors import Place


class Size(Struct, frozen=True):
    """What expansion makes (steps), and how many templates it looks at on the way (its time)."""

    operations: int
    visits: int

    def __add__(self, other: Size) -> Size:
        return Size(self.operations + other.operations, self.visits + other.visits)

    def times(self, turns: int) -> Size:
        """Return the size of so many turns."""
        return Size(self.operations * turns, self.visits * turns)

    def too_large(self) -> bool:
        """Return whether counting on makes no sense: one case is over its limit already."""
        return self.operations > MAX_OPERATIONS or self.visits > MAX_CASE_VISITS


_NONE = Size(0, 0)

#: How many sizes are kept, so that triangular loops are not counted anew for every turn around them.
_REMEMBERED = 100_000


def sizing_names(template: Template, found: dict[int, frozenset[str]]) -> frozenset[str]:
    """Return the names that a template's number of steps depends on; `found` remembers them by template."""
    known = found.get(id(template))
    if known is not None:
        return known
    names: frozenset[str] = frozenset()
    if isinstance(template, OperationTemplate):
        for nested in (*template.before_hook, *template.body):
            names |= sizing_names(nested, found)
    else:
        for nested in template.body:
            names |= sizing_names(nested, found)
        names -= {template.name} if template.name is not None else set()
        if isinstance(template.times, Reference):
            names |= {template.times.name}
    found[id(template)] = names
    return names


class Counter:
    """Counts one scenario's templates, and reports what is over a limit at the step where it is."""

    def __init__(self, steps: Sequence[Template], start: Place, problems: Problems, *, whole: bool) -> None:
        """Take the templates, and the place of their list; `whole` is false when some steps could not be read."""
        self._steps = steps
        self._start = start
        self._problems = problems
        self._whole = whole
        self._names: dict[int, frozenset[str]] = {}
        #: Sizes by template and by the values that they depend on, all of them integers.
        self._sizes: dict[tuple[Literal, ...], Size] = {}
        #: The same for whole cases.
        self._cases: dict[tuple[Literal, ...], Size] = {}
        #: Places reported, so that a mistake is not repeated for each case.
        self._reported: set[Place] = set()
        names: set[str] = set()
        for template in steps:
            names |= sizing_names(template, self._names)
        self._sizing = tuple(sorted(names))
        #: Of the cases counted so far.
        self.total = _NONE

    def count_case(self, values: Bindings) -> bool:
        """Count one case and return whether it and all before it are within the limits; the reason is reported."""
        key = tuple(values[name] for name in self._sizing)
        size = self._cases.get(key)
        if size is None:
            size = self._cases[key] = self._count(values)
        self.total += size
        if self._reported:
            return False
        if self.total.visits > MAX_ALL_VISITS:
            self._report(self._start, f"more than {MAX_ALL_VISITS:,} steps and turns of `repeat` in all cases together")
        return not self._reported

    def _count(self, values: Bindings) -> Size:
        size = _NONE
        for template in self._steps:
            size += self._size(template, values)
            if size.too_large():
                over = f"{MAX_OPERATIONS:,} operations"
                if size.operations <= MAX_OPERATIONS:
                    over = f"{MAX_CASE_VISITS:,} steps and turns of `repeat`"
                self._report(template.place, f"more than {over} after expansion, up to this step{shown(values)}")
                return size
        if size.operations == 0 and self._whole and not self._reported:
            self._report(self._start, f"no steps left after expansion{shown(values)}")
        return size

    def _size(self, template: Template, values: Bindings) -> Size:
        names = sizing_names(template, self._names)
        key = (id(template), *(values[name] for name in names))
        size = self._sizes.get(key)
        if size is None:
            if isinstance(template, RepeatTemplate):
                size = self._repeat(template, values)
            else:
                size = self._operation(template, values)
            if len(self._sizes) < _REMEMBERED:
                self._sizes[key] = size
        return size

    def _operation(self, template: OperationTemplate, values: Bindings) -> Size:
        body = self._all(template.body, values)
        if template.op in CONTEXTS and body.operations > MAX_CONTEXT_OPERATIONS:
            message = f"more than {MAX_CONTEXT_OPERATIONS:,} operations in this {quote(template.op)}"
            self._report(template.place, message + shown(values))
        if template.op in CONTEXTS and body.operations == 0 and self._whole:
            # The guest's module takes no empty context (docs/protocol.md).
            self._report(template.place, f"no steps left in this {quote(template.op)}{shown(values)}")
        return Size(1, 1) + self._all(template.before_hook, values) + body

    def _repeat(self, template: RepeatTemplate, values: Bindings) -> Size:
        turns = number(template.times, values)
        if turns == 0:
            return Size(0, 1)
        varies = template.name is not None and any(
            template.name in sizing_names(nested, self._names) for nested in template.body
        )
        if not varies:
            turn = self._all(template.body, values) + Size(0, 1)
            return Size(0, 1) + (turn.times(turns) if turn.operations else turn)  # expansion stops at an empty turn
        assert template.name is not None  # noqa: S101 -- `varies` says so
        size = Size(0, 1)
        for number_of_turn in range(turns):
            size += self._all(template.body, {**values, template.name: number_of_turn}) + Size(0, 1)
            if size.too_large():
                break
        return size

    def _all(self, templates: Sequence[Template], values: Bindings) -> Size:
        size = _NONE
        for template in templates:
            size += self._size(template, values)
        return size

    def _report(self, place: Place, message: str) -> None:
        if place not in self._reported:
            self._reported.add(place)
            self._problems.add(place, message)
