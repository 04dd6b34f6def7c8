# SPDX-License-Identifier: GPL-2.0-only
"""The key `expect`: parts of a TRACE, for all, or for a revision, a personality or a pair of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from lazymmu.scenario.applicability import ACTIVE, counters, states
from lazymmu.scenario.context import Context, Need
from lazymmu.scenario.strict_yaml import problems
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import listed, quote, suggest
from lazymmu.scenario.strict_yaml.scalars import meaning
from lazymmu.scenario.tasks import task_name
from lazymmu.scenario.templates import PinTemplate
from lazymmu.subject.limits import MAIN_TASK, MAX_U8, MAX_U64, TABLE_ENTRIES
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import Place


class Part(Struct, frozen=True):
    """One part of a TRACE pinned for a revision and a personality (None: all)."""

    place: Place
    key: str
    pin: PinTemplate
    api: str | None
    arch: str | None
    #: The counters or states in it, with their places.
    words: Sequence[tuple[str, Place]] = field(default_factory=list)


class Selector(Struct, frozen=True):
    """A revision or personality that is a key in `expect`."""

    place: Place
    name: str


class Expect(Struct):
    """All of `expect`, in the order written."""

    parts: list[Part] = field(default_factory=list)
    selectors: list[Selector] = field(default_factory=list)


def read_expect(context: Context, node: Node) -> Expect:
    """Return what `expect` pins, without what was reported."""
    expect = Expect()
    _read_level(context, node, "`expect`", expect, None, None)
    _report_ties(context, expect.parts)
    return expect


def effective(parts: Sequence[Part], key: str, api: str, arch: str) -> Part | None:
    """Return the part that counts for a pair: the most specific one (as `Case.expected` chooses)."""
    best: Part | None = None
    for part in parts:
        if (
            part.key == key
            and part.api in (None, api)
            and part.arch in (None, arch)
            and (best is None or _specificity(part) > _specificity(best))
        ):
            best = part
    return best


def needs(parts: Sequence[Part], apis: Sequence[str], arches: Sequence[str]) -> list[Need]:
    """Return what the parts need, each for those pairs of revision and personality for which it counts."""
    found: list[Need] = []
    for part in parts:
        if not part.words:
            continue
        pairs = [(api, arch) for api in apis for arch in arches if effective(parts, part.key, api, arch) is part]
        for word, place in part.words:
            if part.key == "counters" and part.arch is None:
                found.append(Need(place, word, arches=counters()[word], only_arches={arch for _, arch in pairs}))
            elif part.key == "tasks" and part.api is None and word in states():
                found.append(Need(place, word, apis=states()[word][1], only_apis={api for api, _ in pairs}))
    return found


def _specificity(part: Part) -> int:
    return (part.api is not None) + (part.arch is not None)


def _read_level(context: Context, node: Node, what: str, expect: Expect, api: str | None, arch: str | None) -> None:
    """Read a mapping of parts, and of revisions and personalities that are not chosen yet."""
    content = context.table(node, what, "parts of a trace, for example {hooks: efl}")
    if content is None:
        return
    apis = tuple(REVISIONS) if api is None else ()
    arches = tuple(PERSONALITIES) if arch is None else ()
    known = (*PARTS, *apis, *arches)
    for key, value in content.pairs:
        if key.text in PARTS:
            _read_part(context, key, value, expect, api, arch)
        elif key.text in apis:
            expect.selectors.append(Selector(key.place, key.text))
            _read_level(context, value, quote(key.text), expect, key.text, arch)
        elif key.text in arches:
            expect.selectors.append(Selector(key.place, key.text))
            _read_level(context, value, quote(key.text), expect, api, key.text)
        elif key.text in REVISIONS or key.text in PERSONALITIES:
            chosen = api if key.text in REVISIONS else arch
            context.problems.add(key.place, f"{quote(key.text)} is not allowed inside {quote(str(chosen))}")
        elif key.text == "steps":
            context.problems.add(key.place, "`steps` cannot be pinned: use `check` at the step in question")
        else:
            context.unknown(key, f"key {quote(key.text)} in {what}", known)


def _read_part(context: Context, key: Scalar, node: Node, expect: Expect, api: str | None, arch: str | None) -> None:
    words: list[tuple[str, Place]] = []
    scope = _Scope(context, api, arch, words)
    pin = PARTS[key.text](scope, node, quote(key.text))
    if pin is not None:
        expect.parts.append(Part(key.place, key.text, pin, api, arch, words))


def _report_ties(context: Context, parts: Sequence[Part]) -> None:
    """Report a part that is pinned twice for the same pair, if neither is more specific."""
    ordered = sorted(parts, key=lambda part: part.place)
    for position, second in enumerate(ordered):
        for first in ordered[:position]:
            if first.key != second.key or _specificity(first) != _specificity(second):
                continue
            api, arch = first.api or second.api, first.arch or second.arch
            same = first.api == second.api and first.arch == second.arch
            crossed = _specificity(first) == 1 and (first.api is None) != (second.api is None)
            settled = crossed and any(
                other.key == second.key and other.api == api and other.arch == arch for other in parts
            )
            if same or (crossed and not settled):
                whom = " and ".join(quote(name) for name in (api, arch) if name)
                advice = "" if same else f": say which holds under {quote(str(api))}, {quote(str(arch))}"
                context.problems.add(
                    second.place,
                    f"{quote(second.key)} is pinned for {whom} in line {first.place.line} too{advice}",
                )
                break


class _Scope(Struct, frozen=True):
    """Where a part is in `expect`, and the words that its reader finds."""

    context: Context
    api: str | None
    arch: str | None
    words: list[tuple[str, Place]]


def _hooks(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    return scope.context.hooks(node, what)


def _hook_active(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    return scope.context.digits(node, what)


def _outstanding(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    return scope.context.integer(node, what, 0, TABLE_ENTRIES)


def _values(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    found = scope.context.listing(node, what, "a list of integers", empty=True)
    if found is None:
        return None
    pins: list[PinTemplate] = []
    for item in found.items:
        pin = scope.context.integer(item, f"an item of {what}", 0, MAX_U64)
        if pin is not None:
            pins.append(pin)
    return pins


def _counters(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    context = scope.context
    content = context.table(node, what, "counters, for example {arch_enter: 1}")
    if content is None:
        return None
    known = [name for name, having in counters().items() if scope.arch is None or scope.arch in having]
    pins: dict[str, PinTemplate] = {}
    for key, value in content.pairs:
        if key.text in counters() and key.text not in known:
            context.problems.add(key.place, f"{quote(str(scope.arch))} has no counter {quote(key.text)}")
        elif key.text not in known:
            context.unknown(key, f"counter {quote(key.text)}", known)
        else:
            pin = context.integer(value, quote(key.text), 0, MAX_U64)
            scope.words.append((key.text, key.place))
            if pin is not None:
                pins[key.text] = pin
    return pins


def _table(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    """Return the entries by their decimal numbers, as in the JSON form of a TRACE."""
    context = scope.context
    if not isinstance(node, Table):
        context.mistaken(node, what, "a mapping of entries to values, for example {3: 0x1001}")
        return None
    pins: dict[str, PinTemplate] = {}
    for key, value in node.pairs:
        index = meaning(key)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < TABLE_ENTRIES:
            context.mistaken(key, f"a key of {what}", f"an integer from 0 to {TABLE_ENTRIES - 1}")
        elif str(index) in pins:
            context.problems.add(key.place, f"entry {index} is in {what} twice")
        else:
            pin = context.integer(value, f"entry {index}", 0, MAX_U64)
            if pin is not None:
                pins[str(index)] = pin
    return pins


def _tasks(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    context = scope.context
    content = context.table(node, what, f"{{{MAIN_TASK}: {{active: false}}}}")
    if content is None:
        return None
    pins: dict[str, PinTemplate] = {}
    for key, value in content.pairs:
        name = task_name(context, key, f"a key of {what}")
        state = _state(scope, value, quote(key.text))
        if name is None:
            continue
        if context.tasks is not None and name not in context.tasks:
            known = suggest(name, tuple(context.tasks)) or problems.known(context.tasks)
            context.problems.add(key.place, f"unknown task {quote(name)} in {what}{known}")
        elif state is not None:
            pins[name] = state
    return pins


def _state(scope: _Scope, node: Node, what: str) -> PinTemplate | None:
    context = scope.context
    content = context.table(node, what, "a task's state, for example {active: false}")
    if content is None:
        return None
    known = [name for name, (_, having) in states().items() if scope.api is None or scope.api in having]
    pins: dict[str, PinTemplate] = {}
    for key, value in content.pairs:
        if key.text in states() and key.text not in known:
            context.problems.add(
                key.place, f"{quote(str(scope.api))} has no {quote(key.text)} (it has: {listed(known)})"
            )
            continue
        if key.text != ACTIVE and key.text not in known:
            context.unknown(key, f"key {quote(key.text)} in {what}", (ACTIVE, *known))
            continue
        scope.words.append((key.text, key.place))
        if key.text == ACTIVE or states()[key.text][0] is bool:
            pin = context.boolean(value, quote(key.text))
        else:
            pin = context.integer(value, quote(key.text), 0, MAX_U8)
        if pin is not None:
            pins[key.text] = pin
    return pins


#: Part of a TRACE -> how its pin is read.
PARTS: Mapping[str, Callable[[_Scope, Node, str], PinTemplate | None]] = {
    "hooks": _hooks,
    "hook_active": _hook_active,
    "counters": _counters,
    "values": _values,
    "outstanding": _outstanding,
    "table": _table,
    "tasks": _tasks,
}
