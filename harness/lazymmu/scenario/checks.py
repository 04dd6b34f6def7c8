# SPDX-License-Identifier: GPL-2.0-only
"""The `check` operation: what it may pin, and for which revisions and personalities."""

from collections.abc import Sequence

from lazymmu.scenario.applicability import counters, without
from lazymmu.scenario.context import Context, Need
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.tasks import task_name
from lazymmu.scenario.templates import CheckTemplate, OperationTemplate, PinTemplate, Template, Value
from lazymmu.subject.limits import MAX_U8, MAX_U64, TABLE_ENTRIES
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

#: What a check may pin beside the counters.
PINS = ("active", "depth", "pause_count", "outstanding", "hooks")

#: For which revisions and personalities a check holds, and about which task it is.
_SELECTORS = ("api", "arch", "task")


def read_check(context: Context, key: Scalar, node: Node) -> Sequence[Template]:
    """Return the step of `- check: {..}`."""
    empty_check = [OperationTemplate("check", key.place)]
    content = context.table(node, "`check`", "what it pins, for example {active: true}")
    if content is None:
        return empty_check
    found = context.fields(content, "`check`", (*PINS, *_SELECTORS, *counters()))
    apis = context.words(found["api"][1], "`api`", REVISIONS) if "api" in found else None
    arches = context.words(found["arch"][1], "`arch`", PERSONALITIES) if "arch" in found else None
    pins: dict[str, PinTemplate] = {}
    for name, (pin, value_node) in found.items():
        if name in _SELECTORS:
            continue
        value = _pin(context, name, value_node)
        if value is not None:
            pins[name] = value
        for listed_name in (*(apis or ()), *(arches or ())):
            if listed_name.text in without(name):
                message = f"{quote(listed_name.text)} cannot be named here: it has no {quote(name)}"
                context.problems.add(listed_name.place, message)
        # If the check lists revisions, the loop above compared them, and no other needs the word; `arch` likewise.
        compared = {*(REVISIONS if "api" in found else ()), *(PERSONALITIES if "arch" in found else ())}
        context.needs.append(Need(pin.place, name, without(name) - compared))
    if len(found) == len(content.pairs) and found.keys() <= set(_SELECTORS):
        context.problems.add(
            key.place, f"`check` pins nothing: it may pin {', '.join(PINS)} or a counter", rule="missing"
        )
    named = found["task"][1] if "task" in found else None
    task = None if named is None else task_name(context, named, "`task`")
    if named is not None and task is None:
        return empty_check
    check = CheckTemplate(
        pins,
        None if apis is None else frozenset(name.text for name in apis),
        None if arches is None else frozenset(name.text for name in arches),
        task,
    )
    args = {} if task is None else {"task": task}
    return [OperationTemplate("check", key.place, args, check=check, named=None if named is None else named.place)]


def _pin(context: Context, name: str, node: Node) -> Value | None:
    what = quote(name)
    if name == "active":
        return context.boolean(node, what)
    if name == "hooks":
        return context.hooks(node, what)
    high = {"depth": MAX_U8, "pause_count": MAX_U8, "outstanding": TABLE_ENTRIES}.get(name, MAX_U64)
    return context.integer(node, what, 0, high)
