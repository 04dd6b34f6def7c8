# SPDX-License-Identifier: GPL-2.0-only
"""The keys of a scenario file, and the way from its tree of nodes to a Scenario."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.scenario import applicability, native
from lazymmu.scenario.applicability import Applicability, Named
from lazymmu.scenario.context import Context, Need
from lazymmu.scenario.expansion import cases
from lazymmu.scenario.expectations import Expect, needs, read_expect
from lazymmu.scenario.placement import report_misplaced
from lazymmu.scenario.steps import read_steps
from lazymmu.scenario.strict_yaml.nodes import Node
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.scenario.tasks import may_fork_unnamed, read_tasks, report_unknown_tasks
from lazymmu.scenario.templates import Template, operations
from lazymmu.scenario.vary import Vary, read_vary, report_unused
from lazymmu.subject.case import Scenario
from lazymmu.subject.limits import MAIN_TASK
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

#: Keys of a scenario file.
KEYS = (
    *("description", "tags", "api", "arch", "personality", "tasks", "vary", "steps", "expect", "kernel_warnings"),
    "version",
)

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_document(root: Node, name: str, path: str, problems: Problems) -> Scenario | None:
    """Return the scenario of one file, or None with what is wrong added to `problems`."""
    context = Context(problems)
    content = context.table(root, "a scenario", "a mapping with `description` and `steps`")
    if content is None:
        return None
    found = context.fields(content, "a scenario", KEYS)
    for key in ("description", "steps"):
        if key not in found:
            problems.add(root.place, f"a scenario needs `{key}`", rule="missing")
    if "version" in found:
        context.integer(found["version"][1], "`version`", 1, 1)
    description = context.text(found["description"][1], "`description`") if "description" in found else None
    if "kernel_warnings" in found:
        context.word(found["kernel_warnings"][1], "`kernel_warnings`", ("allowed",))
    tags = _read_tags(context, found["tags"][1]) if "tags" in found else ()
    named = Named(
        context.words(found["api"][1], "`api`", REVISIONS) if "api" in found else None,
        context.words(found["arch"][1], "`arch`", architectures()) if "arch" in found else None,
        context.word(found["personality"][1], "`personality`", PERSONALITIES) if "personality" in found else None,
    )
    vary = read_vary(context, *found["vary"]) if "vary" in found else Vary()
    context = replace(context, names=vary.domains)
    tasks = read_tasks(context, found["tasks"][1]) if "tasks" in found else {}
    steps = read_steps(context, found["steps"][1], "`steps`", empty=False) if "steps" in found else None
    if tasks is not None and steps is not None and not any(map(may_fork_unnamed, operations(steps))):
        context = replace(context, tasks=dict.fromkeys((MAIN_TASK, *tasks, *context.forks)))
        report_unknown_tasks(context, steps)
    used = sorted(context.used & vary.domains.keys())
    expect = read_expect(context, found["expect"][1]) if "expect" in found else Expect()
    applies = _select(problems, named, context.needs, expect, steps or ())
    if steps is None or tasks is None or vary.cases is None:
        return None
    # Even if something else is wrong, so that all mistakes are reported together.
    made = cases(context, found["steps"][0].place, steps, expect.parts, tasks, vary.cases, used)
    if not problems.are_in(path):  # else a part that could not be read may use them
        report_unused(context, vary)
    if not problems.are_in(path):
        report_misplaced(problems, steps, made, applies.apis, applies.personalities)
    if description is None or problems.are_in(path):
        return None
    personality = None if named.personality is None else named.personality.text
    return Scenario(
        name=name,
        path=path,
        description=description,
        tags=tags,
        kernel_warnings="kernel_warnings" in found,
        apis=applies.apis,
        arches=applies.arches,
        cases=made,
        personality=personality,
        native=native.guests(steps, expect.parts, applies.apis, applies.arches, personality),
        personalities=applies.personalities,
        guests=applies.guests,
        limits=applies.limits,
    )


def _read_tags(context: Context, node: Node) -> tuple[str, ...]:
    content = context.listing(node, "`tags`", "a list of words, for example [nesting]")
    tags: list[str] = []
    for item in content.items if content is not None else ():
        tag = context.text(item, "a tag")
        if tag is None:
            continue
        if _TAG.fullmatch(tag) is None:
            context.problems.add(item.place, f"{quote(tag)} cannot be a tag: use letters, digits, `_`, `.` and `-`")
        elif tag in tags:
            context.problems.add(item.place, f"{quote(tag)} is in `tags` twice", rule="duplicate")
        else:
            tags.append(tag)
    return tuple(tags)


def _select(
    problems: Problems, named: Named, used: Sequence[Need], expect: Expect, steps: Sequence[Template]
) -> Applicability:
    """Return what the scenario applies to; report what cannot apply.

    What the scenario uses of an architecture, it uses of the personality: that of the guest, or the scenario's own.
    """
    first = applicability.of(named, used)
    used = (*used, *needs(expect.parts, first.apis, first.personalities))
    applies = applicability.of(named, used)
    applicability.report(problems, named, used)
    names = (*applies.apis, *applies.personalities)
    if not applies.apis or not applies.personalities:
        return applies  # reported above
    for selector in expect.selectors:
        if selector.text not in names:
            key = "api" if selector.text in REVISIONS else "arch" if named.personality is None else "personality"
            why = applicability.reason_against(selector.text, used) or f"`{key}` does not name it"
            problems.add(
                selector.place, f"the scenario does not apply to {quote(selector.text)}: {why}", rule="applicability"
            )
    for step in operations(steps):
        check = step.check
        for only in (check.apis, check.arches) if check is not None and check.pins else ():
            if only and only.isdisjoint(names):
                text = ", ".join(sorted(only))
                problems.add(
                    step.place, f"this `check` never holds: the scenario does not apply to {text}", rule="applicability"
                )
    return applies
