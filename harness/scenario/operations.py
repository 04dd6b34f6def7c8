# SPDX-License-Identifier: GPL-2.0-only
"""The steps of the language: one table, name -> how its node is read into templates.

A new operation is an entry in `OPERATIONS` (and its name leaves `PLANNED`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.core.vocabulary import CALLS, MAX_BEFORE_HOOK_DEPTH, REVISIONS, TABLE_ENTRIES
from harness.scenario import reading
from harness.scenario.applies import Need
from harness.scenario.checks import read_check
from harness.scenario.nodes import Node, Scalar
from harness.scenario.problems import quote
from harness.scenario.reading import Context, Domain
from harness.scenario.scalars import Reference
from harness.scenario.templates import OperationTemplate, RepeatTemplate, Template, Value

#: Call that some revision lacks -> revisions that have it.
_HAVING = {
    call: having
    for call in CALLS
    if (having := frozenset(name for name, revision in REVISIONS.items() if call in revision.operations))
    != {*REVISIONS}
}

Reader = Callable[[Context, Scalar, Node], list[Template]]


@dataclass(frozen=True, slots=True)
class Operation:
    """How one word of the language is written and read."""

    #: An example, for messages.
    form: str
    #: Reads `- name: node`.
    read: Reader | None = None
    #: Reads `- name`.
    bare: Callable[[Context, Scalar], list[Template]] | None = None


def read_steps(context: Context, node: Node, what: str, *, empty: bool = True) -> tuple[Template, ...] | None:
    """Return the templates of a list of steps; None when it is no list, and without the steps that were reported."""
    found = reading.listing(context, node, what, "a list of steps", empty=empty)
    if found is None:
        return None
    return tuple(template for item in found.items for template in _read_step(context, item))


def _read_step(context: Context, item: Node) -> list[Template]:
    if isinstance(item, Scalar) and item.text:
        return _read_bare(context, item)
    content = reading.table(context, item, "a step", "one operation (`- enable` or `- lazy: [..]`)")
    if content is None:
        return []
    key, node = content.pairs[0]
    if len(content.pairs) > 1:
        second = content.pairs[1][0]
        advice = "indent it further" if _is_empty(node) else "a step of its own begins with `- `"
        context.problems.add(
            second.place, f"{quote(second.text)} is a second key in the step {quote(key.text)}: {advice}"
        )
        if _is_empty(node):
            return []
    operation = _find(context, key)
    if operation is None:
        return []
    if operation.read is None:
        context.problems.add(node.place, f"{quote(key.text)} takes nothing: write `{operation.form}`")
        return []
    return operation.read(context, key, node)


def _is_empty(node: Node) -> bool:
    """Return whether nothing was written for this value."""
    return isinstance(node, Scalar) and not node.quoted and node.text == ""


def _read_bare(context: Context, word: Scalar) -> list[Template]:
    operation = _find(context, word)
    if operation is None:
        return []
    if operation.bare is None:
        context.problems.add(word.place, f"{quote(word.text)} needs more: write `{operation.form}`")
        return []
    return operation.bare(context, word)


def _find(context: Context, word: Scalar) -> Operation | None:
    operation = OPERATIONS.get(word.text)
    if operation is not None:
        return operation
    if word.text.startswith("$") and not word.quoted:
        context.problems.add(word.place, f"a step cannot be a `$name`: {quote(word.text)} stands for a value")
    else:
        reading.unknown(context, word, f"step {quote(word.text)}", OPERATIONS, PLANNED)
    return None


def _bare_call(context: Context, word: Scalar) -> list[Template]:
    """`- enable`."""
    return [_call(context, word, word.text)]


def _call(
    context: Context,
    word: Scalar,
    op: str,
    args: Mapping[str, Value] | None = None,
    before_hook: tuple[Template, ...] = (),
) -> OperationTemplate:
    """Return one call of the API; `word` is what stands in the file for it."""
    if op in _HAVING:
        context.needs.append(Need(word.place, word.text, apis=_HAVING[op]))
    return OperationTemplate(op, word.place, args=args or {}, before_hook=before_hook)


def _read_call(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- enable: {before_hook: [..]}`."""
    what = quote(key.text)
    content = reading.table(context, node, what, f"nothing (`- {key.text}`) or {{before_hook: [steps]}}")
    if content is None:
        return []
    found = reading.fields(context, content, what, ("before_hook",))
    return [_call(context, key, key.text, before_hook=_before_hook(context, found))]


def _before_hook(context: Context, found: Mapping[str, tuple[Scalar, Node]]) -> tuple[Template, ...]:
    if "before_hook" not in found:
        return ()
    key, node = found["before_hook"]
    if context.hook_depth >= MAX_BEFORE_HOOK_DEPTH:
        context.problems.add(key.place, f"`before_hook` stands in itself more than {MAX_BEFORE_HOOK_DEPTH} deep")
        return ()
    return read_steps(context.within(before_hook=True), node, "`before_hook`", empty=False) or ()


def _range(context: Context, key: Scalar, found: Mapping[str, tuple[Scalar, Node]]) -> dict[str, Value]:
    """Return the index and count of a range that lies in the table; of the two, those that could be read."""
    args: dict[str, Value] = {}
    for name, low, high in (("index", 0, TABLE_ENTRIES - 1), ("count", 1, TABLE_ENTRIES)):
        if name not in found:
            context.problems.add(key.place, f"{quote(key.text)} needs `{name}`: write `{OPERATIONS[key.text].form}`")
            continue
        value = reading.integer(context, found[name][1], f"`{name}`", low, high)
        if value is not None:
            args[name] = value
    if len(args) == 2:
        # Exact although the two are looked at apart: names are independent of each other, or grow together.
        end = _highest(context, args["index"]) + _highest(context, args["count"])
        if end > TABLE_ENTRIES:
            context.problems.add(
                found["count"][1].place, f"the range ends at {end}: the table has entries 0 to {TABLE_ENTRIES - 1}"
            )
    return args


def _highest(context: Context, value: Value) -> int:
    """Return the highest integer that the value may be, 0 when that is not known."""
    if not isinstance(value, Reference):
        return int(value)
    domain = context.names[value.name] or ()
    if isinstance(domain, range):
        return domain[-1] if domain else 0
    return max((int(possible) for possible in domain if isinstance(possible, int)), default=0)


def _read_ranged_call(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- enable_with_ptes: {index, count, before_hook: [..]}`."""
    what = quote(key.text)
    content = reading.table(context, node, what, "{index: .., count: ..}")
    if content is None:
        return []
    found = reading.fields(context, content, what, ("index", "count", "before_hook"))
    args = _range(context, key, found)
    return [_call(context, key, "enable_with_ptes", args, _before_hook(context, found))]


def _read_ranged_block(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- lazy_with_ptes: {index, count, steps}`: enable_with_ptes, the steps, disable."""
    what = quote(key.text)
    content = reading.table(context, node, what, "{index: .., count: .., steps: [..]}")
    if content is None:
        return []
    found = reading.fields(context, content, what, ("index", "count", "steps"))
    args = _range(context, key, found)
    opening = _call(context, key, "enable_with_ptes", args)
    return [opening, *_inner_steps(context, key, found), _call(context, key, "disable")]


def _inner_steps(context: Context, key: Scalar, found: Mapping[str, tuple[Scalar, Node]]) -> tuple[Template, ...]:
    """Return what stands under `steps` in a mapping."""
    if "steps" not in found:
        context.problems.add(key.place, f"{quote(key.text)} needs `steps`: write `{OPERATIONS[key.text].form}`")
        return ()
    return read_steps(context, found["steps"][1], f"`steps` of {quote(key.text)}") or ()


def _block(opening: str, closing: str) -> Reader:
    """Return the reader of `- lazy: [..]` and its like: a call, the steps, the closing call."""

    def read(context: Context, key: Scalar, node: Node) -> list[Template]:
        first = _call(context, key, opening)
        steps = read_steps(context, node, quote(key.text)) or ()
        return [first, *steps, _call(context, key, closing)]

    return read


def _read_repeat(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- repeat: {times, steps, as: name}`."""
    content = reading.table(context, node, "`repeat`", "{times: .., steps: [..]}")
    if content is None:
        return []
    found = reading.fields(context, content, "`repeat`", ("times", "steps", "as"))
    times: Value | None = None
    if "times" in found:
        times = reading.integer(context, found["times"][1], "`times`", 0, None)
    else:
        context.problems.add(key.place, f"`repeat` needs `times`: write `{OPERATIONS['repeat'].form}`")
    turns: Domain = None if times is None else range(max(_highest(context, times), 0))
    name = _loop_name(context, found["as"][1]) if "as" in found else None
    inner = context if name is None else context.within(names={name: turns})
    body = _inner_steps(inner, key, found)
    return [RepeatTemplate(key.place, 0 if times is None else times, name, body)]


def _loop_name(context: Context, node: Node) -> str | None:
    word = node.text if isinstance(node, Scalar) else ""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word) is None:
        reading.mistaken(context, node, "`as`", "a name (letters, digits and _)")
        return None
    if word in context.names:
        context.problems.add(node.place, f"{quote(word)} is the name of something else here: choose another")
        return None
    return word


def _read_interrupt(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- interrupt: [..]`."""
    if context.in_interrupt:
        context.problems.add(key.place, "an `interrupt` cannot stand inside an `interrupt`")
        return []
    body = read_steps(context.within(interrupt=True), node, "`interrupt`", empty=False)
    return [] if body is None else [OperationTemplate("interrupt", key.place, body=body)]


#: Every step of the language: name -> how it is written and read.
OPERATIONS: Mapping[str, Operation] = {
    **{
        name: Operation(f"- {name}", read=_read_call, bare=_bare_call)
        for name in ("enable", "disable", "pause", "resume")
    },
    "flush": Operation("- flush", bare=_bare_call),
    "enable_with_ptes": Operation("- enable_with_ptes: {index: 0, count: 4}", read=_read_ranged_call),
    "lazy": Operation("- lazy: [..]", read=_block("enable", "disable")),
    "lazy_with_ptes": Operation("- lazy_with_ptes: {index: 0, count: 4, steps: [..]}", read=_read_ranged_block),
    "paused": Operation("- paused: [..]", read=_block("pause", "resume")),
    "repeat": Operation("- repeat: {times: 2, steps: [..]}", read=_read_repeat),
    "interrupt": Operation("- interrupt: [..]", read=_read_interrupt),
    "check": Operation("- check: {active: true}", read=read_check),
}

#: Steps of the language that this version does not have.
PLANNED = (
    "set_pte", "clear_pte", "get_pte", "touch", "load", "tlb_flush", "softirq", "bh_disabled", "irqs_off", "switch",
    "migrate", "sleep", "fork", "pause_task", "resume_task",
)  # fmt: skip
