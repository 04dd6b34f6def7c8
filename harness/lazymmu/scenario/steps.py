# SPDX-License-Identifier: GPL-2.0-only
"""Reads the steps of the language into templates.

Operations are read as the table of operations (`lazymmu.subject.operations`) describes them. Blocks, `repeat` and
`check` have readers of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.scenario.checks import read_check
from lazymmu.scenario.context import Context, Domain, Need
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.reader import Fields
from lazymmu.scenario.strict_yaml.scalars import NAME
from lazymmu.scenario.tasks import task_name
from lazymmu.scenario.templates import UNREADABLE, OperationTemplate, RepeatTemplate, Template, Value
from lazymmu.subject.limits import MAX_BEFORE_HOOK_DEPTH, MAX_U64
from lazymmu.subject.operations import BY_REVISION, CPU, OPERATIONS, Argument, Kind, Operation
from lazymmu.subject.revisions import REVISIONS, revisions_with


class Word(Struct, frozen=True):
    """How one word of the language is written and read."""

    #: An example, for messages.
    form: str
    #: Reads `- name: node`; None if the word takes nothing.
    read: Callable[[Context, Scalar, Node], Sequence[Template]] | None = None
    #: Whether `- name` alone is a step.
    bare: bool = False


def read_steps(context: Context, node: Node, what: str, *, empty: bool = True) -> tuple[Template, ...] | None:
    """Return the templates of a list of steps, None if it is not a list."""
    found = context.listing(node, what, "a list of steps", empty=empty)
    if found is None:
        return None
    return tuple(template for item in found.items for template in _read_step(context, item))


def _nested(context: Context, node: Node, what: str, *, empty: bool = True) -> tuple[Template, ...]:
    """Return the templates of a list of steps inside another step."""
    steps = read_steps(context, node, what, empty=empty)
    return (_unreadable(node),) if steps is None else steps


def _unreadable(node: Node) -> OperationTemplate:
    """Return a template in place of a step that was reported: it may have made a task."""
    return OperationTemplate(UNREADABLE, node.place)


def _read_step(context: Context, item: Node) -> Sequence[Template]:
    if isinstance(item, Scalar) and item.text:
        return [_read_bare(context, item)]
    content = context.table(item, "a step", "one operation (`- enable` or `- lazy: [..]`)")
    if content is None:
        return [_unreadable(item)]
    key, node = content.pairs[0]
    if len(content.pairs) > 1:
        second = content.pairs[1][0]
        empty = isinstance(node, Scalar) and not node.quoted and node.text == ""
        advice = "indent it further" if empty else "a step of its own begins with `- `"
        context.problems.add(
            second.place, f"{quote(second.text)} is a second key in the step {quote(key.text)}: {advice}"
        )
        return [_unreadable(key)]
    word = _find(context, key)
    if word is None:
        return [_unreadable(key)]
    if word.read is None:
        context.problems.add(node.place, f"{quote(key.text)} takes nothing: write `{word.form}`")
        return [OperationTemplate(key.text, key.place)]
    return word.read(context, key, node)


def _read_bare(context: Context, item: Scalar) -> OperationTemplate:
    """`- enable`."""
    word = _find(context, item)
    if word is not None and word.bare:
        return _operation(context, item, item.text)
    if word is not None:
        context.problems.add(item.place, f"{quote(item.text)} needs more: write `{word.form}`", rule="missing")
    return _unreadable(item)


def _find(context: Context, name: Scalar) -> Word | None:
    word = WORDS.get(name.text)
    if word is not None:
        return word
    if name.text.startswith("$") and not name.quoted:
        context.problems.add(name.place, f"a step cannot be a `$name`: {quote(name.text)} means a value")
    else:
        context.unknown(name, f"step {quote(name.text)}", WORDS)
    return None


# Operations


def _operation(
    context: Context, word: Scalar, op: str, args: Mapping[str, Value] | None = None, named: Node | None = None
) -> OperationTemplate:
    """Return one operation; `word` is what the file has for it, `named` the task, CPU or count that it names."""
    if op in BY_REVISION:
        context.needs.append(Need(word.place, word.text, frozenset(REVISIONS) - revisions_with(op)))
    return OperationTemplate(op, word.place, args or {}, named=None if named is None else named.place)


def argument_alone(operation: Operation) -> Argument | None:
    """Return the argument that may be written without its name, as in `- touch: 0`."""
    is_alone = len(operation.args) == 1 and operation.args[0] is not CPU and operation.kind is not Kind.MEANWHILE
    return operation.args[0] if is_alone else None


def _form(operation: Operation) -> str:
    """Return an example of an operation."""
    if operation.kind is Kind.CONTEXT:
        return f"- {operation.name}: [..]"
    alone = argument_alone(operation)
    if alone is not None:
        return f"- {operation.name}: {alone.example}"
    args = ", ".join(f"{argument.name}: {argument.example}" for argument in operation.args)
    args += ", steps: [..]" if operation.kind is Kind.MEANWHILE else ""
    return f"- {operation.name}: {{{args}}}" if args else f"- {operation.name}"


def _read_operation(context: Context, key: Scalar, node: Node) -> Sequence[Template]:
    """`- touch: 0`, `- set_pte: {index: 0, value: 1}`, `- enable: {before_hook: [..]}`, `- interrupt: [..]`."""
    operation = OPERATIONS[key.text]
    if operation.kind in (Kind.CONTEXT, Kind.MEANWHILE):
        return [_read_elsewhere(context, operation, key, node)]
    if operation.kind is Kind.TASK and (around := _around(context)):
        context.problems.add(key.place, f"{quote(key.text)} is not allowed inside {quote(around)}", rule="place")
    return [_read_arguments(context, operation, key, node)]


def _around(context: Context) -> str:
    """Return the innermost context, or `meanwhile`, around a place; empty at the top and in a `before_hook` there."""
    return context.contexts[-1] if context.contexts else "meanwhile" if context.in_meanwhile else ""


def _read_arguments(context: Context, operation: Operation, key: Scalar, node: Node) -> OperationTemplate:
    """Return an operation with those of its arguments that could be read."""
    what = quote(key.text)
    alone = argument_alone(operation)
    if alone is not None and not (operation.answers and isinstance(node, Table)):
        value = _read_argument(context, alone, node, what)
        return _operation(context, key, key.text, {} if value is None else {alone.name: value}, node)
    names = [argument.name for argument in operation.args] + (["expect"] if operation.answers else [])
    wanted = f"{{{', '.join(f'{name}: ..' for name in names)}}}"
    if alone is not None:
        wanted = f"an {alone.name}, or {wanted}"
    if not names:
        wanted = f"nothing (`- {key.text}`) or {{before_hook: [steps]}}"
    content = context.table(node, what, wanted)
    if content is None:
        return OperationTemplate(key.text, key.place)
    found = context.fields(content, what, (*names, "before_hook") if operation.hookable else names)
    complete = len(found) == len(content.pairs)
    args = _read_named(context, operation.args, key, found, complete=complete)
    template = _operation(context, key, key.text, args, _named(found))
    answer: Value | None = None
    if "expect" in found:
        read = context.boolean if operation.answers is bool else partial(context.integer, low=0, high=MAX_U64)
        answer = read(found["expect"][1], f"`expect` of {what}")
    return replace(template, before_hook=_before_hook(context, found), answer=answer)


def _read_named(
    context: Context, arguments: Sequence[Argument], key: Scalar, found: Fields, *, complete: bool = True
) -> dict[str, Value]:
    """Return those arguments of a mapping that could be read; report the others.

    `complete` is false if the mapping has an unknown key, which may be the missing one.
    """
    args: dict[str, Value] = {}
    for argument in arguments:
        if argument.name in found:
            value = _read_argument(context, argument, found[argument.name][1], quote(argument.name))
            if value is not None:
                args[argument.name] = value
        elif complete:
            _missing(context, key, argument.name)
    return args


def _named(found: Fields) -> Node | None:
    """Return the value that a message about the run of a step would be about."""
    return next((found[name][1] for name in ("cpu", "count", "task") if name in found), None)


def _missing(context: Context, key: Scalar, argument: str) -> None:
    context.problems.add(
        key.place, f"{quote(key.text)} needs `{argument}`: write `{WORDS[key.text].form}`", rule="missing"
    )


def _read_argument(context: Context, argument: Argument, node: Node, what: str) -> Value | None:
    if argument.high is not None:
        return context.integer(node, what, argument.low, argument.high)
    name = task_name(context, node, what)
    if name is not None and argument.new:
        context.forks[name] = None
    return name


def _before_hook(context: Context, found: Fields) -> tuple[Template, ...]:
    if "before_hook" not in found:
        return ()
    key, node = found["before_hook"]
    if context.hook_depth >= MAX_BEFORE_HOOK_DEPTH:
        context.problems.add(key.place, f"`before_hook` nests more than {MAX_BEFORE_HOOK_DEPTH} deep", rule="limit")
        return ()
    return _nested(replace(context, hook_depth=context.hook_depth + 1), node, "`before_hook`", empty=False)


def _read_elsewhere(context: Context, operation: Operation, key: Scalar, node: Node) -> OperationTemplate:
    """`- interrupt: [..]`, or `- meanwhile: {task: other, steps: [..]}`, in which contexts begin afresh."""
    what, is_meanwhile = quote(key.text), operation.kind is Kind.MEANWHILE
    if is_meanwhile and context.in_meanwhile:
        context.problems.add(key.place, f"{what} is not allowed inside `meanwhile`", rule="place")
    elif context.contexts and context.contexts[-1] not in operation.within:
        hint = f" (only in {' or '.join(map(quote, operation.within))})" if operation.within else ""
        context.problems.add(
            key.place, f"{what} is not allowed inside {quote(context.contexts[-1])}{hint}", rule="place"
        )
    if not is_meanwhile:
        inner = replace(context, contexts=(*context.contexts, key.text))
        return OperationTemplate(key.text, key.place, body=_nested(inner, node, what, empty=False))
    content = context.table(node, what, "{task: other, steps: [..]}")
    if content is None:
        return _unreadable(key)
    found = context.fields(content, what, ("task", "steps"))
    args = _read_named(context, operation.args, key, found)
    body = _inner_steps(replace(context, contexts=(), in_meanwhile=True), key, found, empty=False)
    return replace(_operation(context, key, key.text, args, _named(found)), body=body)


# Blocks

#: Block -> its two calls.
BLOCKS = {
    "lazy": ("enable", "disable"),
    "lazy_with_ptes": ("enable_with_ptes", "disable"),
    "paused": ("pause", "resume"),
}


def _read_block(context: Context, key: Scalar, node: Node) -> Sequence[Template]:
    """`- lazy: [..]`, or `- lazy_with_ptes: {index, count, steps}`: a call, the steps, the closing call."""
    op, closing = BLOCKS[key.text]
    arguments = OPERATIONS[op].args
    if arguments:
        names = [*(argument.name for argument in arguments), "steps"]
        content = context.table(node, quote(key.text), "{index: .., count: .., steps: [..]}")
        if content is None:
            return [_unreadable(key)]
        found = context.fields(content, quote(key.text), names)
        opening = _operation(context, key, op, _read_named(context, arguments, key, found), _named(found))
        steps = _inner_steps(context, key, found)
    else:
        opening = _operation(context, key, op)
        steps = _nested(context, node, quote(key.text))
    last = _operation(context, key, closing)
    return [replace(opening, begins=key.text), *steps, replace(last, ends=key.text)]


def _inner_steps(context: Context, key: Scalar, found: Fields, *, empty: bool = True) -> tuple[Template, ...]:
    """Return the steps of the key `steps`."""
    if "steps" not in found:
        _missing(context, key, "steps")
        return (_unreadable(key),)
    return _nested(context, found["steps"][1], f"`steps` of {quote(key.text)}", empty=empty)


def _read_repeat(context: Context, key: Scalar, node: Node) -> Sequence[Template]:
    """`- repeat: {times, steps, as: name}`."""
    content = context.table(node, "`repeat`", "{times: .., steps: [..]}")
    if content is None:
        return [_unreadable(key)]
    found = context.fields(content, "`repeat`", ("times", "steps", "as"))
    times: Value | None = None
    if "times" in found:
        times = context.integer(found["times"][1], "`times`", 0, None)
    else:
        _missing(context, key, "times")
    turns: Domain = None if times is None else range(max(context.highest(times), 0))
    name = _loop_name(context, found["as"][1]) if "as" in found else None
    inner = context if name is None else replace(context, names={**context.names, name: turns})
    body = _inner_steps(inner, key, found)
    return [_unreadable(key)] if times is None else [RepeatTemplate(key.place, times, name, body)]


def _loop_name(context: Context, node: Node) -> str | None:
    word = node.text if isinstance(node, Scalar) else ""
    if NAME.fullmatch(word) is None:
        context.mistaken(node, "`as`", "a name (letters, digits and _)")
        return None
    if word in context.names:
        context.problems.add(node.place, f"{quote(word)} is the name of something else here: choose another")
        return None
    return word


#: Every word of the language for a step.
WORDS: Mapping[str, Word] = {
    **{
        name: Word(
            _form(operation),
            _read_operation if operation.args or operation.hookable or operation.kind is Kind.CONTEXT else None,
            bare=not operation.args and operation.kind is not Kind.CONTEXT,
        )
        for name, operation in OPERATIONS.items()
    },
    "check": Word("- check: {active: true}", read_check),
    "lazy": Word("- lazy: [..]", _read_block),
    "lazy_with_ptes": Word("- lazy_with_ptes: {index: 0, count: 4, steps: [..]}", _read_block),
    "paused": Word("- paused: [..]", _read_block),
    "repeat": Word("- repeat: {times: 2, steps: [..]}", _read_repeat),
}
