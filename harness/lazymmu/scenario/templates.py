# SPDX-License-Identifier: GPL-2.0-only
"""Steps as written, before expansion: blocks are already their two calls, repeats and `$name`s are still there."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from lazymmu.scenario.strict_yaml.scalars import Literal, Reference
from lazymmu.subject.case import Pinned
from lazymmu.support.errors import Place

#: A scalar of a step: known now, or in each case and turn.
Value = Literal | Reference

#: What a check or expectation pins, with the `$name`s still in it.
PinTemplate = Literal | Reference | list["PinTemplate"] | dict[str, "PinTemplate"]


class CheckTemplate(Struct, frozen=True):
    """A `check` as written; see `lazymmu.subject.case.Check`."""

    pins: Mapping[str, PinTemplate]
    apis: frozenset[str] | None
    arches: frozenset[str] | None
    task: str | None = None


#: The `op` of a step that could not be read and was reported: nobody can say which task runs behind it, or where.
UNREADABLE = ""


class OperationTemplate(Struct, frozen=True):
    """One step to be; see `lazymmu.subject.case.Step`."""

    op: str
    place: Place
    args: Mapping[str, Value] = field(default_factory=dict)
    body: tuple[Template, ...] = ()
    before_hook: tuple[Template, ...] = ()
    check: CheckTemplate | None = None
    answer: Value | None = None
    #: Where the task or CPU stands that the step names, for messages.
    named: Place | None = None
    #: The block (`lazy: [..]` and its like) that begins, or ends, with this call.
    begins: str = ""
    ends: str = ""


class RepeatTemplate(Struct, frozen=True):
    """`repeat`: the body so many times over, `$name` counting from 0 where it has a name."""

    place: Place
    times: Value
    name: str | None
    body: tuple[Template, ...]


Template = OperationTemplate | RepeatTemplate

#: The values of the names that stand here.
Bindings = Mapping[str, Literal]


def resolve(value: Value, bindings: Bindings) -> Literal:
    """Return the value with its `$name` replaced."""
    return bindings[value.name] if isinstance(value, Reference) else value


def argument(value: Value, bindings: Bindings) -> int | str:
    """Return an argument of a step: a task's name, or an integer."""
    return value if isinstance(value, str) else number(value, bindings)


def number(value: Value, bindings: Bindings) -> int:
    """Return a value that the readers have found to be an integer."""
    return int(resolve(value, bindings))


def resolve_pin(pin: PinTemplate, bindings: Bindings) -> Pinned:
    """Return what is pinned with every `$name` in it replaced."""
    if isinstance(pin, list):
        return [number_of(resolve_pin(item, bindings)) for item in pin]
    if isinstance(pin, dict):
        return {key: resolve_pin(value, bindings) for key, value in pin.items()}
    return resolve(pin, bindings)


def number_of(pinned: Pinned) -> int:
    """Return an item of a pinned list: only integers stand there."""
    assert isinstance(pinned, int)  # noqa: S101 -- narrows the type; the reader of the list has checked it
    return pinned


def is_fixed(pin: PinTemplate) -> bool:
    """Return whether no `$name` stands in what is pinned."""
    if isinstance(pin, list):
        return all(is_fixed(item) for item in pin)
    if isinstance(pin, dict):
        return all(is_fixed(item) for item in pin.values())
    return not isinstance(pin, Reference)
