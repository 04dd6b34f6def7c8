# SPDX-License-Identifier: GPL-2.0-only
"""The steps that use the page table and its TLB: entries, ranges of them, and the answers that an author may pin."""

from __future__ import annotations

from collections.abc import Mapping

from lazymmu.scenario import reading
from lazymmu.scenario.limits import MAX_U64
from lazymmu.scenario.reading import Context
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.scalars import Reference
from lazymmu.scenario.templates import OperationTemplate, Template, Value
from lazymmu.subject.limits import TABLE_ENTRIES

#: The answer is true or false; the others answer what an entry holds.
_YES_OR_NO = "touch"


def read_set(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- set_pte: {index, value}`."""
    what = quote(key.text)
    content = reading.table(context, node, what, "{index: .., value: ..}")
    if content is None:
        return []
    found = reading.fields(context, content, what, ("index", "value"))
    for name in ("index", "value"):
        # A key that is not known was told, and may be this one.
        if name not in found and len(found) == len(content.pairs):
            context.problems.add(key.place, f"{what} needs `{name}`: write `- set_pte: {{index: 0, value: 0x1001}}`")
    index = _entry(context, found["index"][1], "`index`") if "index" in found else None
    value = reading.integer(context, found["value"][1], "`value`", 0, MAX_U64) if "value" in found else None
    if index is None or value is None:
        return []
    return [OperationTemplate(key.text, key.place, {"index": index, "value": value})]


def read_answering(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- touch: 0` or `- touch: {index: 0, expect: true}`, and of its like."""
    what = quote(key.text)
    if not isinstance(node, Table):
        index, answer = _entry(context, node, what), None
    else:
        content = reading.table(context, node, what, "an entry, or {index: .., expect: ..}")
        if content is None:
            return []
        found = reading.fields(context, content, what, ("index", "expect"))
        if "index" not in found and len(found) == len(content.pairs):
            context.problems.add(key.place, f"{what} needs `index`: write `- {key.text}: 0`")
        index = _entry(context, found["index"][1], "`index`") if "index" in found else None
        answer = _answer(context, key, found["expect"][1]) if "expect" in found else None
    return [] if index is None else [OperationTemplate(key.text, key.place, {"index": index}, answer=answer)]


def _entry(context: Context, node: Node, what: str) -> Value | None:
    return reading.integer(context, node, what, 0, TABLE_ENTRIES - 1)


def _answer(context: Context, key: Scalar, node: Node) -> Value | None:
    what = f"`expect` of {quote(key.text)}"
    if key.text == _YES_OR_NO:
        return reading.boolean(context, node, what)
    return reading.integer(context, node, what, 0, MAX_U64)


def read_range(context: Context, key: Scalar, form: str, found: Mapping[str, tuple[Scalar, Node]]) -> dict[str, Value]:
    """Return the index and count of a range that lies in the table; of the two, those that could be read.

    `form` is an example of the step, for messages.
    """
    args: dict[str, Value] = {}
    for name, low, high in (("index", 0, TABLE_ENTRIES - 1), ("count", 1, TABLE_ENTRIES)):
        if name not in found:
            context.problems.add(key.place, f"{quote(key.text)} needs `{name}`: write `{form}`")
            continue
        value = reading.integer(context, found[name][1], f"`{name}`", low, high)
        if value is not None:
            args[name] = value
    if len(args) == 2:
        # Exact although the two are looked at apart: names are independent of each other, or grow together.
        end = highest(context, args["index"]) + highest(context, args["count"])
        if end > TABLE_ENTRIES:
            context.problems.add(
                found["count"][1].place, f"the range ends at {end}: the table has entries 0 to {TABLE_ENTRIES - 1}"
            )
    return args


def highest(context: Context, value: Value) -> int:
    """Return the highest integer that the value may be, 0 when that is not known."""
    if not isinstance(value, Reference):
        return int(value)
    domain = context.names[value.name] or ()
    if isinstance(domain, range):
        return domain[-1] if domain else 0
    return max((int(possible) for possible in domain if isinstance(possible, int)), default=0)
