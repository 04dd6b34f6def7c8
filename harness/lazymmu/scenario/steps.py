# SPDX-License-Identifier: GPL-2.0-only
"""The steps of the language: one table, name -> how its node is read into templates.

A new operation is an entry in `OPERATIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.scenario import entries, reading, tasks
from lazymmu.scenario.applicability import Need
from lazymmu.scenario.checks import read_check
from lazymmu.scenario.reading import Context, Domain
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.tasks import unreadable
from lazymmu.scenario.templates import OperationTemplate, RepeatTemplate, Template, Value
from lazymmu.subject.limits import MAX_BEFORE_HOOK_DEPTH
from lazymmu.subject.operations import ANSWERING, BY_REVISION, CONTEXTS, NEEDS_PREEMPTION
from lazymmu.subject.revisions import revisions_with

#: Context -> those in which it may stand; the others stand in none.
_WITHIN = {"interrupt": ("softirq", "bh_disabled")}

Reader = Callable[[Context, Scalar, Node], list[Template]]


class Operation(Struct, frozen=True):
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


def _nested(context: Context, node: Node, what: str, *, empty: bool = True) -> tuple[Template, ...]:
    """Return the templates of a list of steps that stands in another step."""
    steps = read_steps(context, node, what, empty=empty)
    return (unreadable(node),) if steps is None else steps


def _read_step(context: Context, item: Node) -> list[Template]:
    if isinstance(item, Scalar) and item.text:
        return _read_bare(context, item)
    content = reading.table(context, item, "a step", "one operation (`- enable` or `- lazy: [..]`)")
    if content is None:
        return [unreadable(item)]
    key, node = content.pairs[0]
    if len(content.pairs) > 1:
        second = content.pairs[1][0]
        advice = "indent it further" if _is_empty(node) else "a step of its own begins with `- `"
        context.problems.add(
            second.place, f"{quote(second.text)} is a second key in the step {quote(key.text)}: {advice}"
        )
        return [unreadable(key)]
    operation = _find(context, key)
    if operation is None:
        return [unreadable(key)]
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
        return [unreadable(word)]
    if operation.bare is None:
        context.problems.add(word.place, f"{quote(word.text)} needs more: write `{operation.form}`")
        return [unreadable(word)]
    return operation.bare(context, word)


def _find(context: Context, word: Scalar) -> Operation | None:
    operation = OPERATIONS.get(word.text)
    if operation is not None:
        return operation
    if word.text.startswith("$") and not word.quoted:
        context.problems.add(word.place, f"a step cannot be a `$name`: {quote(word.text)} stands for a value")
    else:
        reading.unknown(context, word, f"step {quote(word.text)}", OPERATIONS)
    return None


def _bare_call(context: Context, word: Scalar) -> list[Template]:
    """`- enable`."""
    return [_call(context, word, word.text)]


def _bare_step(_context: Context, word: Scalar) -> list[Template]:
    """`- tlb_flush`."""
    return [OperationTemplate(word.text, word.place)]


def _call(
    context: Context,
    word: Scalar,
    op: str,
    args: Mapping[str, Value] | None = None,
    before_hook: tuple[Template, ...] = (),
) -> OperationTemplate:
    """Return one call of the API; `word` is what stands in the file for it."""
    _need(context, word, op)
    return OperationTemplate(op, word.place, args=args or {}, before_hook=before_hook)


def _need(context: Context, word: Scalar, op: str) -> None:
    """Note that only some revisions have an operation."""
    if op in BY_REVISION:
        context.needs.append(Need(word.place, word.text, apis=revisions_with(op)))


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
    return _nested(context.within(before_hook=True), node, "`before_hook`", empty=False)


def _read_ranged_call(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- enable_with_ptes: {index, count, before_hook: [..]}`."""
    what = quote(key.text)
    content = reading.table(context, node, what, "{index: .., count: ..}")
    if content is None:
        return []
    found = reading.fields(context, content, what, ("index", "count", "before_hook"))
    args = entries.read_range(context, key, OPERATIONS[key.text].form, found)
    return [_call(context, key, "enable_with_ptes", args, _before_hook(context, found))]


def _read_ranged_block(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- lazy_with_ptes: {index, count, steps}`: enable_with_ptes, the steps, disable."""
    what = quote(key.text)
    content = reading.table(context, node, what, "{index: .., count: .., steps: [..]}")
    if content is None:
        return [unreadable(key)]
    found = reading.fields(context, content, what, ("index", "count", "steps"))
    args = entries.read_range(context, key, OPERATIONS[key.text].form, found)
    first = _call(context, key, "enable_with_ptes", args)
    return _closed(first, _inner_steps(context, key, found), _call(context, key, "disable"), key.text)


def _closed(first: OperationTemplate, steps: Sequence[Template], last: OperationTemplate, block: str) -> list[Template]:
    """Return a block: its two calls with the steps between them."""
    return [replace(first, begins=block), *steps, replace(last, ends=block)]


def _inner_steps(context: Context, key: Scalar, found: Mapping[str, tuple[Scalar, Node]]) -> tuple[Template, ...]:
    """Return what stands under `steps` in a mapping."""
    if "steps" not in found:
        context.problems.add(key.place, f"{quote(key.text)} needs `steps`: write `{OPERATIONS[key.text].form}`")
        return (unreadable(key),)
    return _nested(context, found["steps"][1], f"`steps` of {quote(key.text)}")


def _block(opening: str, closing: str) -> Reader:
    """Return the reader of `- lazy: [..]` and its like: a call, the steps, the closing call."""

    def read(context: Context, key: Scalar, node: Node) -> list[Template]:
        first = _call(context, key, opening)
        steps = _nested(context, node, quote(key.text))
        return _closed(first, steps, _call(context, key, closing), key.text)

    return read


def _read_repeat(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- repeat: {times, steps, as: name}`."""
    content = reading.table(context, node, "`repeat`", "{times: .., steps: [..]}")
    if content is None:
        return [unreadable(key)]
    found = reading.fields(context, content, "`repeat`", ("times", "steps", "as"))
    times: Value | None = None
    if "times" in found:
        times = reading.integer(context, found["times"][1], "`times`", 0, None)
    else:
        context.problems.add(key.place, f"`repeat` needs `times`: write `{OPERATIONS['repeat'].form}`")
    turns: Domain = None if times is None else range(max(entries.highest(context, times), 0))
    name = _loop_name(context, found["as"][1]) if "as" in found else None
    inner = context if name is None else context.within(names={name: turns})
    body = _inner_steps(inner, key, found)
    return [unreadable(key)] if times is None else [RepeatTemplate(key.place, times, name, body)]


def _loop_name(context: Context, node: Node) -> str | None:
    word = node.text if isinstance(node, Scalar) else ""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", word) is None:
        reading.mistaken(context, node, "`as`", "a name (letters, digits and _)")
        return None
    if word in context.names:
        context.problems.add(node.place, f"{quote(word)} is the name of something else here: choose another")
        return None
    return word


def _read_context(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- interrupt: [..]` and its like."""
    around = context.contexts[-1] if context.contexts else ""
    allowed = _WITHIN.get(key.text, ())
    if around and around not in allowed:
        hint = f" (only in {' or '.join(map(quote, allowed))})" if allowed else ""
        context.problems.add(key.place, f"{quote(key.text)} cannot stand inside {quote(around)}{hint}")
        return [unreadable(key)]
    body = _nested(context.within(entered=key.text), node, quote(key.text), empty=False)
    return [OperationTemplate(key.text, key.place, body=body)]


def _read_leaving(read: Reader) -> Reader:
    """Return the reader of a step that needs a task to itself, and so stands in no context or before_hook."""

    def checked(context: Context, key: Scalar, node: Node) -> list[Template]:
        steps = read(context, key, node)
        around = context.contexts[-1] if context.contexts else "before_hook" if context.hook_depth else ""
        if around:
            context.problems.add(key.place, f"{quote(key.text)} cannot stand inside {quote(around)}")
            return [unreadable(key)]
        return steps

    return checked


def _read_task_call(context: Context, key: Scalar, node: Node) -> list[Template]:
    """`- pause_task: other`."""
    _need(context, key, key.text)
    return tasks.read_named(context, key, node)


#: Step at which the running task leaves its CPU, or a new one comes to be -> an example, and its reader.
_LEAVING: Mapping[str, tuple[str, Reader]] = {
    "switch": ("- switch: other", tasks.read_named),
    "migrate": ("- migrate: {cpu: 1}", tasks.read_migrate),
    "sleep": ("- sleep: 10", tasks.read_sleep),
    "fork": ("- fork: child", tasks.read_named),
}

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
    "set_pte": Operation("- set_pte: {index: 0, value: 0x1001}", read=entries.read_set),
    **{name: Operation(f"- {name}: 0", read=entries.read_answering) for name in ANSWERING},
    "tlb_flush": Operation("- tlb_flush", bare=_bare_step),
    **{name: Operation(f"- {name}: [..]", read=_read_context) for name in CONTEXTS},
    **{name: Operation(_LEAVING[name][0], read=_read_leaving(_LEAVING[name][1])) for name in NEEDS_PREEMPTION},
    **{name: Operation(f"- {name}: other", read=_read_task_call) for name in ("pause_task", "resume_task")},
    "check": Operation("- check: {active: true}", read=read_check),
}
