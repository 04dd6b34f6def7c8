# SPDX-License-Identifier: GPL-2.0-only
"""Templates and values -> the numbered steps of a case. Nothing can go wrong here: the readers looked at it all."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from lazymmu.scenario.counting import sizing_names
from lazymmu.scenario.expectations import Part
from lazymmu.scenario.strict_yaml.scalars import Literal, Reference
from lazymmu.scenario.templates import (
    Bindings,
    CheckTemplate,
    OperationTemplate,
    RepeatTemplate,
    Template,
    Value,
    argument,
    is_fixed,
    number,
    resolve_pin,
)
from lazymmu.subject.case import Case, Check, Expectation, Pinned, Step, Values

_NO_ARGS: dict[str, int | str] = {}

#: How many expanded cases are kept: those whose programs each of a few machines was sent ahead (session/worker.py).
_KEPT = 16

#: Makes the steps of an Expansion's cases from the values of the names that stand in them, and keeps the last ones.
Expander = Callable[..., tuple[Step, ...]]


def expander() -> Expander:
    """Return what makes the steps for all scenarios that are loaded together, so that they share what may be kept.

    Several threads may use it at once: in the worst case they make the same steps twice.
    """
    return functools.lru_cache(maxsize=_KEPT)(_steps)


class Expansion:
    """Makes the cases of one scenario; those whose steps come out the same share them while they are kept."""

    __slots__ = ("_expander", "_fixed", "_hash", "_parts", "_tasks", "steps", "used")

    def __init__(
        self,
        steps: Sequence[Template],
        parts: Sequence[Part],
        tasks: Mapping[str, Value],
        used: Iterable[str],
        expander: Expander,
    ) -> None:
        """Take what was read under `steps`, `expect` and `tasks`, and those `vary` names that stand in the steps."""
        self.steps = tuple(steps)
        self.used = tuple(used)
        self._parts = tuple(parts)
        self._tasks = dict(tasks)
        self._fixed = _expectations(parts, {}) if all(is_fixed(part.pin) for part in parts) else None
        self._expander = expander
        # Asked for each case that is made.
        self._hash = hash(tuple(template.place for template in self.steps))

    def __call__(self, values: Values) -> Case:
        """Return the case of one combination of `vary` values."""
        steps = self._expander(self, *(values[name] for name in self.used))
        expect = _expectations(self._parts, values) if self._fixed is None else self._fixed
        return Case(values, steps, expect, {name: number(cpu, values) for name, cpu in self._tasks.items()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expansion):
            return NotImplemented
        return (self.steps, self._parts, self._tasks) == (other.steps, other._parts, other._tasks)

    def __hash__(self) -> int:
        return self._hash


def _steps(expansion: Expansion, *used: Literal) -> tuple[Step, ...]:
    """Return the steps of all cases in which the used names have these values."""
    return _Case(dict(zip(expansion.used, used, strict=True))).all(expansion.steps)


def _expectations(parts: Sequence[Part], values: Bindings) -> tuple[Expectation, ...]:
    """Return one expectation for each part, so that each has its own place."""
    return tuple(
        Expectation({part.key: resolve_pin(part.pin, values)}, part.place, part.api, part.arch) for part in parts
    )


class _Case:
    """Numbers the steps of a case; checks and arguments without a `$name` are made once and shared."""

    def __init__(self, values: Bindings) -> None:
        """Take the values of the names that stand in the steps."""
        self._next = 0
        self._values = dict(values)
        self._names: dict[int, frozenset[str]] = {}
        self._checks: dict[int, Check] = {}
        self._args: dict[int, dict[str, int | str]] = {}

    def all(self, steps: Sequence[Template]) -> tuple[Step, ...]:
        """Return the steps of the case, numbered from 0; may be called once."""
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
        answer = None if template.answer is None else number(template.answer, self._values)
        return Step(index, template.op, template.place, args, body, before_hook, check, answer)

    def _arguments(self, template: OperationTemplate) -> dict[str, int | str]:
        args = self._args.get(id(template))
        if args is None:
            args = {name: argument(value, self._values) for name, value in template.args.items()}
            if not any(isinstance(value, Reference) for value in template.args.values()):
                self._args[id(template)] = args
        return args

    def _check(self, template: CheckTemplate) -> Check:
        check = self._checks.get(id(template))
        if check is None:
            pins: dict[str, Pinned] = {name: resolve_pin(pin, self._values) for name, pin in template.pins.items()}
            check = Check(pins, task=template.task, apis=template.apis, arches=template.arches)
            if all(is_fixed(pin) for pin in template.pins.values()):
                self._checks[id(template)] = check
        return check
