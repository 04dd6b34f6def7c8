# SPDX-License-Identifier: GPL-2.0-only
"""Templates and values -> the numbered steps of a case. Nothing can go wrong here: the readers looked at it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.core.case import Case, Check, Expectation, Pinned, Step
from harness.scenario.counting import sizing_names
from harness.scenario.expectations import Part
from harness.scenario.scalars import Literal, Reference
from harness.scenario.templates import (
    Bindings,
    CheckTemplate,
    OperationTemplate,
    RepeatTemplate,
    Template,
    is_fixed,
    number,
    resolve_pin,
)

_NO_ARGS: dict[str, int] = {}


def expand(
    steps: Sequence[Template], parts: Sequence[Part], used: set[str], combinations: Iterable[dict[str, Literal]]
) -> tuple[Case, ...]:
    """Return a case for each combination of values; cases whose steps come out the same share them.

    `used` holds the names that stand in the steps.
    """
    expander = _Expander()
    shared: dict[tuple[tuple[type, Literal], ...], tuple[Step, ...]] = {}
    fixed = _expectations(parts, {}) if all(is_fixed(part.pin) for part in parts) else None
    cases: list[Case] = []
    for values in combinations:
        key = tuple((type(value), value) for name, value in values.items() if name in used)
        if key not in shared:
            shared[key] = expander.case(steps, values)
        cases.append(Case(values, shared[key], _expectations(parts, values) if fixed is None else fixed))
    return tuple(cases)


def _expectations(parts: Sequence[Part], values: Bindings) -> tuple[Expectation, ...]:
    """Return one expectation for each part, so that each has its own place."""
    return tuple(
        Expectation({part.key: resolve_pin(part.pin, values)}, part.place, part.api, part.arch) for part in parts
    )


class _Expander:
    """Numbers the steps of a case; checks and arguments without a `$name` are made once and shared."""

    def __init__(self) -> None:
        self._next = 0
        self._values: dict[str, Literal] = {}
        self._names: dict[int, frozenset[str]] = {}
        self._checks: dict[int, Check] = {}
        self._args: dict[int, dict[str, int]] = {}

    def case(self, steps: Sequence[Template], values: Bindings) -> tuple[Step, ...]:
        """Return the steps of one case, numbered from 0."""
        self._next = 0
        self._values = dict(values)
        return tuple(self._all(steps))

    def _all(self, templates: Sequence[Template]) -> list[Step]:
        made: list[Step] = []
        for template in templates:
            if isinstance(template, RepeatTemplate):
                self._repeat(template, made)
            else:
                made.append(self._operation(template))
        return made

    def _repeat(self, template: RepeatTemplate, made: list[Step]) -> None:
        varies = any(template.name in sizing_names(nested, self._names) for nested in template.body)
        for turn in range(number(template.times, self._values)):
            if template.name is not None:
                self._values[template.name] = turn
            steps = self._all(template.body)
            if not steps and not varies:
                break  # no turn will make any: `times` may be huge
            made += steps
        if template.name is not None:
            self._values.pop(template.name, None)

    def _operation(self, template: OperationTemplate) -> Step:
        index = self._next
        self._next += 1
        before_hook = tuple(self._all(template.before_hook)) if template.before_hook else ()
        body = tuple(self._all(template.body)) if template.body else ()
        check = None if template.check is None else self._check(template.check)
        args = self._arguments(template) if template.args else _NO_ARGS
        return Step(index, template.op, template.place, args, body, before_hook, check)

    def _arguments(self, template: OperationTemplate) -> dict[str, int]:
        args = self._args.get(id(template))
        if args is None:
            args = {name: number(value, self._values) for name, value in template.args.items()}
            if not any(isinstance(value, Reference) for value in template.args.values()):
                self._args[id(template)] = args
        return args

    def _check(self, template: CheckTemplate) -> Check:
        check = self._checks.get(id(template))
        if check is None:
            pins: dict[str, Pinned] = {name: resolve_pin(pin, self._values) for name, pin in template.pins.items()}
            check = Check(pins, apis=template.apis, arches=template.arches)
            if all(is_fixed(pin) for pin in template.pins.values()):
                self._checks[id(template)] = check
        return check
