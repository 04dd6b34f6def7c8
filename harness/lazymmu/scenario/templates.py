# SPDX-License-Identifier: GPL-2.0-only
"""Steps as written, before expansion: blocks are already two calls, repeats and `$name`s are still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from lazymmu.scenario.strict_yaml.scalars import Literal, Reference
from lazymmu.subject.case import Pinned
from lazymmu.support.errors import Place

#: A scalar of a step: a literal, or a `$name` that has another value in each case or turn.
Value = Literal | Reference

#: What a check or expectation pins, with its `$name`s.
PinTemplate = Literal | Reference | list["PinTemplate"] | dict[str, "PinTemplate"]


class CheckTemplate(Struct, frozen=True):
    """A `check` as written; see `lazymmu.subject.case.Check`."""

    pins: Mapping[str, PinTemplate]
    apis: frozenset[str] | None
    arches: frozenset[str] | None
    task: str | None = None


#: The `op` of a step that could not be read and was reported.
UNREADABLE = ""


class OperationTemplate(Struct, frozen=True):
    """One future step; see `lazymmu.subject.case.Step`."""

    op: str
    place: Place
    args: Mapping[str, Value] = field(default_factory=dict)
    body: tuple[Template, ...] = ()
    before_hook: tuple[Template, ...] = ()
    check: CheckTemplate | None = None
    answer: Value | None = None
    #: The place of the task, CPU or count that the step names, for messages.
    named: Place | None = None
    #: The block (`lazy: [..]` and the like) that begins, or ends, with this call.
    begins: str = ""
    ends: str = ""


class RepeatTemplate(Struct, frozen=True):
    """`repeat`: the body, `times` times. Its `$name`, if it has one, counts the turns from 0."""

    place: Place
    times: Value
    name: str | None
    body: tuple[Template, ...]


Template = OperationTemplate | RepeatTemplate

#: The values of names.
Bindings = Mapping[str, Literal]


def operations(templates: Iterable[Template]) -> Iterator[OperationTemplate]:
    """Yield every operation of a list of templates, nested ones included."""
    for template in templates:
        if isinstance(template, OperationTemplate):
            yield template
            yield from operations(template.before_hook)
        yield from operations(template.body)


def resolve(value: Value, bindings: Bindings) -> Literal:
    """Return the value with its `$name` replaced."""
    return value.of(bindings[value.name]) if isinstance(value, Reference) else value


def number(value: Value, bindings: Bindings) -> int:
    """Return a value that the readers know to be an integer."""
    return int(resolve(value, bindings))


def resolve_pin(pin: PinTemplate, bindings: Bindings) -> Pinned:
    """Return a pin with every `$name` in it replaced."""
    if isinstance(pin, list):
        return [number(item, bindings) for item in pin if not isinstance(item, list | dict)]
    if isinstance(pin, dict):
        return {key: resolve_pin(value, bindings) for key, value in pin.items()}
    return resolve(pin, bindings)
