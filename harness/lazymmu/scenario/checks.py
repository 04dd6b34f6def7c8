# SPDX-License-Identifier: GPL-2.0-only
"""The `check` operation: what it may pin, and for whom it holds."""

from __future__ import annotations

from lazymmu.scenario import reading
from lazymmu.scenario.applicability import Need, counters, states
from lazymmu.scenario.limits import MAX_U8, MAX_U64
from lazymmu.scenario.reading import Context
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar
from lazymmu.scenario.strict_yaml.problems import listed, quote
from lazymmu.scenario.tasks import task_name
from lazymmu.scenario.templates import CheckTemplate, OperationTemplate, PinTemplate, Template, Value
from lazymmu.subject.limits import TABLE_ENTRIES
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

#: What a check may pin beside the counters.
PINS = ("active", "depth", "pause_count", "outstanding", "hooks")

#: For whom a check holds, and of whom it tells.
_SELECTORS = ("api", "arch", "task")


def read_check(context: Context, key: Scalar, node: Node) -> list[Template]:
    """Return the step of `- check: {..}`."""
    content = reading.table(context, node, "`check`", "what it pins, for example {active: true}")
    if content is None:
        return []
    found = reading.fields(context, content, "`check`", (*PINS, *_SELECTORS, *counters()))
    apis = arches = None
    if "api" in found:
        apis = reading.names(context, found["api"][1], "`api`", REVISIONS)
    if "arch" in found:
        arches = reading.names(context, found["arch"][1], "`arch`", PERSONALITIES)
    only_apis = None if apis is None else frozenset(name.text for name in apis)
    only_arches = None if arches is None else frozenset(name.text for name in arches)
    pins: dict[str, PinTemplate] = {}
    for name, (pin, value_node) in found.items():
        if name in _SELECTORS:
            continue
        value = _pin(context, name, value_node)
        if value is not None:
            pins[name] = value
        having = states()["pause_count"][1] if name == "pause_count" else frozenset(REVISIONS)
        personalities = counters().get(name, frozenset(PERSONALITIES))
        _report_named(context, name, apis, having)
        _report_named(context, name, arches, personalities)
        # A list of its own says for whom a check holds: then it asks nothing of the others.
        context.needs.append(
            Need(
                pin.place,
                name,
                apis=frozenset(REVISIONS) if "api" in found else having,
                arches=frozenset(PERSONALITIES) if "arch" in found else personalities,
            )
        )
    if len(found) == len(content.pairs) and found.keys() <= set(_SELECTORS):
        context.problems.add(key.place, f"`check` pins nothing: it may pin {listed(PINS)} or a counter")
    if "task" not in found:
        return [OperationTemplate("check", key.place, check=CheckTemplate(pins, only_apis, only_arches))]
    named = found["task"][1]
    task = task_name(context, named, "`task`")
    if task is None:
        return []
    check = CheckTemplate(pins, only_apis, only_arches, task)
    return [OperationTemplate("check", key.place, {"task": task}, check=check, named=named.place)]


def _pin(context: Context, name: str, node: Node) -> Value | None:
    what = quote(name)
    if name == "active":
        return reading.boolean(context, node, what)
    if name == "hooks":
        return reading.hooks(context, node, what)
    high = {"depth": MAX_U8, "pause_count": MAX_U8, "outstanding": TABLE_ENTRIES}.get(name, MAX_U64)
    return reading.integer(context, node, what, 0, high)


def _report_named(context: Context, word: str, names: list[Scalar] | None, having: frozenset[str]) -> None:
    """Report the names in a list of the check's own that lack what it pins."""
    for name in names or ():
        if name.text not in having:
            context.problems.add(name.place, f"{quote(name.text)} cannot be named here: it has no {quote(word)}")
