# SPDX-License-Identifier: GPL-2.0-only
"""The keys of a scenario file, and the way from its tree of nodes to a Scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lazymmu.architecture import architectures
from lazymmu.scenario import applicability, native, reading
from lazymmu.scenario.applicability import Named, Need
from lazymmu.scenario.counting import Counter
from lazymmu.scenario.expansion import Expander, Expansion
from lazymmu.scenario.expectations import Expect, needs, read_expect
from lazymmu.scenario.flow import Flow, readable
from lazymmu.scenario.reading import Context, Domain
from lazymmu.scenario.steps import read_steps
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, scalars
from lazymmu.scenario.strict_yaml.problems import Problems, listed, quote
from lazymmu.scenario.strict_yaml.scalars import Reference, meaning
from lazymmu.scenario.tasks import read_tasks
from lazymmu.scenario.templates import CheckTemplate, OperationTemplate, Template
from lazymmu.scenario.vary import read_vary
from lazymmu.subject.case import Cases, Scenario
from lazymmu.subject.limits import MAIN_TASK
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

#: Keys of a scenario file.
KEYS = (
    *("description", "tags", "api", "arch", "personality", "tasks", "vary", "steps", "expect", "kernel_warnings"),
    "version",
)

#: The one value of `kernel_warnings`.
_ALLOWED = "allowed"

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Fields = Mapping[str, tuple[Scalar, Node]]


def read_document(root: Node, name: str, path: str, problems: Problems, expander: Expander) -> Scenario | None:
    """Return the scenario of one file, or None with what is wrong added to `problems`.

    `expander` makes the steps of its cases when they are asked for.
    """
    before = len(problems)
    context = Context(problems, [])
    content = reading.table(context, root, "a scenario", "a mapping with `description` and `steps`")
    if content is None:
        return None
    found = reading.fields(context, content, "a scenario", KEYS)
    for key in ("description", "steps"):
        if key not in found:
            problems.add(root.place, f"a scenario needs `{key}`")
    _read_version(context, found)
    description = reading.text(context, found["description"][1], "`description`") if "description" in found else None
    warnings = _read_warnings(context, found)
    tags = _read_tags(context, found["tags"][1]) if "tags" in found else ()
    named = Named(
        _read_names(context, found, "api", REVISIONS),
        _read_names(context, found, "arch", architectures()),
        _read_personality(context, found),
    )
    domains = _read_vary(context, found)
    context = context.within(names=domains)
    tasks = read_tasks(context, found["tasks"][1]) if "tasks" in found else {}
    steps = read_steps(context, found["steps"][1], "`steps`", empty=False) if "steps" in found else None
    if tasks is not None and steps is not None and readable(steps):
        context = context.knowing((MAIN_TASK, *tasks, *context.forks))
    expect = read_expect(context, found["expect"][1]) if "expect" in found else Expect()
    apis, arches = _select(problems, named, context.needs, expect, steps or ())
    varied = {name: values for name, values in domains.items() if values is not None}
    if steps is None or len(varied) < len(domains):
        return None
    # Counted even when something else is wrong, so that all mistakes are told at once.
    counter = Counter(steps, found["steps"][0].place, problems, whole=len(problems) == before)
    used = _references(found, "steps") & varied.keys()
    cases = Cases(varied, Expansion(steps, expect.parts, tasks or {}, sorted(used), expander))
    within_limits = all(counter.count_case(cases.values(number)) for number in range(len(cases)))
    if within_limits and tasks is not None:
        flow = Flow(steps, tasks, context.forks, problems)
        flow.look_at(cases.values(number) for number in range(len(cases)))
    if not within_limits or description is None or len(problems) > before:
        return None
    personality = None if named.personality is None else named.personality.text
    return Scenario(
        name=name,
        path=path,
        description=description,
        tags=tags,
        kernel_warnings=warnings == _ALLOWED,
        apis=apis,
        arches=arches,
        cases=cases,
        personality=personality,
        native=native.guests(steps, expect.parts, apis, arches, personality),
    )


def _read_version(context: Context, found: Fields) -> None:
    if "version" in found:
        reading.integer(context, found["version"][1], "`version`", 1, 1)


def _read_warnings(context: Context, found: Fields) -> str | None:
    if "kernel_warnings" not in found:
        return None
    node = found["kernel_warnings"][1]
    value = reading.text(context, node, "`kernel_warnings`")
    if value is not None and value != _ALLOWED:
        told = f"`kernel_warnings` takes only {quote(_ALLOWED)} (or is left out), not {quote(value)}"
        context.problems.add(node.place, told)
    return value


def _read_tags(context: Context, node: Node) -> tuple[str, ...]:
    content = reading.listing(context, node, "`tags`", "a list of words, for example [nesting]")
    tags: list[str] = []
    for item in content.items if content is not None else ():
        tag = reading.text(context, item, "a tag")
        if tag is None:
            continue
        if _TAG.fullmatch(tag) is None:
            context.problems.add(item.place, f"{quote(tag)} is no tag: one word of letters, digits, `_`, `.`, `-`")
        elif tag in tags:
            context.problems.add(item.place, f"{quote(tag)} stands in `tags` twice")
        else:
            tags.append(tag)
    return tuple(tags)


def _read_names(context: Context, found: Fields, key: str, known: Mapping[str, object]) -> list[Scalar] | None:
    return reading.names(context, found[key][1], quote(key), known) if key in found else None


def _read_personality(context: Context, found: Fields) -> Scalar | None:
    if "personality" not in found:
        return None
    node = found["personality"][1]
    if isinstance(node, Scalar) and reading.is_known(node.text, PERSONALITIES):
        return node
    if isinstance(node, Scalar) and node.text and isinstance(meaning(node), str):
        reading.unknown(context, node, f"name {quote(node.text)} in `personality`", PERSONALITIES)
    else:
        reading.mistaken(context, node, "`personality`", f"one of {listed(PERSONALITIES)}")
    return None


def _read_vary(context: Context, found: Fields) -> dict[str, Domain]:
    if "vary" not in found:
        return {}
    used = _references(found, "steps") | _references(found, "expect") | _references(found, "tasks")
    return read_vary(context, *found["vary"], used)


def _references(found: Fields, key: str) -> set[str]:
    """Return the names that stand under a key, whether or not the rest of it can be read."""
    if key not in found:
        return set()
    meanings = (meaning(scalar) for scalar in scalars(found[key][1]))
    return {value.name for value in meanings if isinstance(value, Reference)}


def _select(
    problems: Problems, named: Named, used: Sequence[Need], expect: Expect, steps: Sequence[Template]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the revisions and guests that the scenario applies to; report what cannot apply.

    Everything of an architecture is asked of the personality in force, be it the guest's own or the scenario's.
    """
    apis, arches = applicability.applicable(named, used)
    used = (*used, *needs(expect.parts, apis, arches))
    apis, arches = applicability.applicable(named, used)
    applicability.report(problems, named, used)
    guests = applicability.guests(named, arches)
    if not apis or not arches:
        return apis, guests  # reported above
    for selector in expect.selectors:
        if selector.name not in (*apis, *arches):
            why = applicability.lack(selector.name, used) or f"`{_key_of(selector.name, named)}` does not name it"
            problems.add(selector.place, f"the scenario does not apply to {quote(selector.name)}: {why}")
    for step, check in _checks(steps):
        for only, left in ((check.apis, apis), (check.arches, arches)):
            if check.pins and only and only.isdisjoint(left):
                names = listed(sorted(only))
                problems.add(step.place, f"this `check` never holds: the scenario does not apply to {names}")
    return apis, guests


def _key_of(name: str, named: Named) -> str:
    if name in REVISIONS:
        return "api"
    return "arch" if named.personality is None else "personality"


def _checks(steps: Sequence[Template]) -> Iterator[tuple[OperationTemplate, CheckTemplate]]:
    for step in steps:
        if isinstance(step, OperationTemplate):
            if step.check is not None:
                yield step, step.check
            yield from _checks(step.before_hook)
        yield from _checks(step.body)
