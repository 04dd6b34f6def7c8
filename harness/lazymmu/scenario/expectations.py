# SPDX-License-Identifier: GPL-2.0-only
"""The key `expect`: parts of a TRACE, for all, or for a revision, a personality or a pair of both."""

import functools
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from lazymmu.scenario.applicability import ACTIVE, counters, states, without
from lazymmu.scenario.context import Context, Need
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.scalars import meaning
from lazymmu.scenario.tasks import task_name
from lazymmu.scenario.templates import PinTemplate
from lazymmu.subject.limits import MAIN_TASK, MAX_U8, MAX_U64, TABLE_ENTRIES
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import Place

#: The part of a TRACE of which each entry may be pinned by another selector.
COUNTERS = "counters"


class Part(Struct, frozen=True):
    """One part of a TRACE pinned for a revision and a personality (None: all)."""

    place: Place
    key: str
    pin: PinTemplate
    api: str | None
    arch: str | None
    #: The counters or states in it, with their places.
    words: Sequence[tuple[str, Place]] = field(default_factory=list)


class Expect(Struct):
    """All of `expect`, in the order written."""

    parts: list[Part] = field(default_factory=list)
    #: The keys that are a revision or a personality.
    selectors: list[Scalar] = field(default_factory=list)


def read_expect(context: Context, node: Node) -> Expect:
    """Return what `expect` pins, without what was reported."""
    expect = Expect()
    _read_level(context, node, "`expect`", expect, None, None)
    _report_ties(context, expect.parts)
    return expect


def counts(parts: Sequence[Part], part: Part, api: str, arch: str, word: str = "") -> bool:
    """Return whether a part counts for a pair, or one counter of it: no more specific one pins the same.

    Without a counter's name, `counters` count wherever they apply: whoever pins one again has it. `Case.expected`
    chooses in the same way.
    """

    def applies(other: Part) -> bool:
        return other.api in (None, api) and other.arch in (None, arch)

    return applies(part) and not any(
        applies(other) and _specificity(other) > _specificity(part) and word in _shared(part, other) for other in parts
    )


def needs(parts: Sequence[Part], apis: Sequence[str], arches: Sequence[str]) -> list[Need]:
    """Return what the parts need, each for those pairs of revision and personality for which it counts."""
    found: list[Need] = []
    for part in parts:
        lacking = [(word, place, names) for word, place in part.words if (names := without(word))]
        if not lacking:
            continue
        pairs = [(api, arch) for api in apis for arch in arches if counts(parts, part, api, arch)]
        only = {name for pair in pairs for name in pair}
        found += [Need(place, word, names, only) for word, place, names in lacking]
    return found


def _shared(one: Part, other: Part) -> list[str]:
    """Return what both parts pin: the counters, or an empty word for a part that is pinned as a whole."""
    if one.key != other.key:
        return []
    if not isinstance(one.pin, dict) or not isinstance(other.pin, dict) or one.key != COUNTERS:
        return [""]
    return [name for name in one.pin if name in other.pin]


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
            reader = _Reader(context, api, arch, [])
            pin = PARTS[key.text](reader, value, quote(key.text))
            if pin is not None:
                expect.parts.append(Part(key.place, key.text, pin, api, arch, reader.words))
        elif key.text in apis:
            expect.selectors.append(key)
            _read_level(context, value, quote(key.text), expect, key.text, arch)
        elif key.text in arches:
            expect.selectors.append(key)
            _read_level(context, value, quote(key.text), expect, api, key.text)
        elif key.text in REVISIONS or key.text in PERSONALITIES:
            chosen = api if key.text in REVISIONS else arch
            context.problems.add(
                key.place, f"{quote(key.text)} is not allowed inside {quote(str(chosen))}", rule="place"
            )
        elif key.text == "steps":
            context.problems.add(key.place, "`steps` cannot be pinned: use `check` at the step in question")
        else:
            context.unknown(key, f"key {quote(key.text)} in {what}", known)


def _report_ties(context: Context, parts: Sequence[Part]) -> None:
    """Report what two parts pin for the same pair, if neither is more specific."""
    ordered = sorted(parts, key=lambda part: part.place)
    for position, second in enumerate(ordered):
        for first in ordered[:position]:
            word = next((word for word in _shared(first, second) if _tie(first, second, word, parts)), None)
            if word is not None:
                api, arch = first.api or second.api, first.arch or second.arch
                same = first.api == second.api and first.arch == second.arch
                whom = " and ".join(quote(name) for name in (api, arch) if name)
                advice = "" if same else f": say which holds under {quote(str(api))}, {quote(str(arch))}"
                context.problems.add(
                    dict(second.words).get(word, second.place),
                    f"{quote(word or second.key)} is pinned for {whom} in line {first.place.line} too{advice}",
                    rule="duplicate",
                )
                break


def _tie(first: Part, second: Part, word: str, parts: Sequence[Part]) -> bool:
    """Return whether it is open which of two parts counts for `word`, one of what both pin."""
    if _specificity(first) != _specificity(second):
        return False
    if first.api == second.api and first.arch == second.arch:
        return True
    api, arch = first.api or second.api, first.arch or second.arch
    is_crossed = _specificity(first) == 1 and api is not None and arch is not None
    return is_crossed and not any(
        (other.api, other.arch) == (api, arch) and word in _shared(first, other) for other in parts
    )


class _Reader(Struct, frozen=True):
    """Reads the parts of a TRACE; `api` and `arch` are the revision and personality around it, if any."""

    context: Context
    api: str | None
    arch: str | None
    #: The counters and names of states that were read, with their places.
    words: list[tuple[str, Place]]

    def values(self, node: Node, what: str) -> PinTemplate | None:
        found = self.context.listing(node, what, "a list of integers", empty=True)
        if found is None:
            return None
        pins = [self.context.integer(item, f"an item of {what}", 0, MAX_U64) for item in found.items]
        return [pin for pin in pins if pin is not None]

    def counters(self, node: Node, what: str) -> PinTemplate | None:
        content = self.context.table(node, what, "counters, for example {arch_enter: 1}")
        if content is None:
            return None
        known = [name for name, without_it in counters().items() if self.arch not in without_it]
        pins: dict[str, PinTemplate] = {}
        for key, value in content.pairs:
            if key.text in known:
                self.words.append((key.text, key.place))
                _add(pins, key.text, self.context.integer(value, quote(key.text), 0, MAX_U64))
            elif key.text in counters():
                self.context.problems.add(
                    key.place, f"{quote(str(self.arch))} has no counter {quote(key.text)}", rule="applicability"
                )
            else:
                self.context.unknown(key, f"counter {quote(key.text)}", known)
        return pins

    def table(self, node: Node, what: str) -> PinTemplate | None:
        """Return the entries by their decimal numbers, as in the JSON form of a TRACE."""
        if not isinstance(node, Table):
            self.context.mistaken(node, what, "a mapping of entries to values, for example {3: 0x1001}")
            return None
        pins: dict[str, PinTemplate] = {}
        for key, value in node.pairs:
            index = meaning(key)
            if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < TABLE_ENTRIES:
                self.context.mistaken(key, f"a key of {what}", f"an integer from 0 to {TABLE_ENTRIES - 1}")
            elif str(index) in pins:
                self.context.problems.add(key.place, f"entry {index} is in {what} twice", rule="duplicate")
            else:
                _add(pins, str(index), self.context.integer(value, f"entry {index}", 0, MAX_U64))
        return pins

    def tasks(self, node: Node, what: str) -> PinTemplate | None:
        context = self.context
        content = context.table(node, what, f"{{{MAIN_TASK}: {{active: false}}}}")
        if content is None:
            return None
        pins: dict[str, PinTemplate] = {}
        for key, value in content.pairs:
            name = task_name(context, key, f"a key of {what}")
            state = self._state(value, quote(key.text))
            if name is not None and context.tasks is not None and name not in context.tasks:
                context.unknown(key, f"task {quote(name)} in {what}", context.tasks)
            elif name is not None:
                _add(pins, name, state)
        return pins

    def _state(self, node: Node, what: str) -> PinTemplate | None:
        context = self.context
        content = context.table(node, what, "a task's state, for example {active: false}")
        if content is None:
            return None
        known = [name for name, (_, without_it) in states().items() if self.api not in without_it]
        pins: dict[str, PinTemplate] = {}
        for key, value in content.pairs:
            if key.text == ACTIVE or key.text in known:
                self.words.append((key.text, key.place))
                flag = key.text == ACTIVE or states()[key.text][0] is bool
                read = context.boolean if flag else functools.partial(context.integer, low=0, high=MAX_U8)
                _add(pins, key.text, read(value, quote(key.text)))
            elif key.text in states():
                has = f"has no {quote(key.text)} (it has: {', '.join(known)})"
                context.problems.add(key.place, f"{quote(str(self.api))} {has}", rule="applicability")
            else:
                context.unknown(key, f"key {quote(key.text)} in {what}", (ACTIVE, *known))
        return pins


def _add(pins: dict[str, PinTemplate], name: str, pin: PinTemplate | None) -> None:
    if pin is not None:
        pins[name] = pin


#: Part of a TRACE -> how its pin is read.
PARTS: Mapping[str, Callable[[_Reader, Node, str], PinTemplate | None]] = {
    "hooks": lambda reader, node, what: reader.context.hooks(node, what),
    "hook_active": lambda reader, node, what: reader.context.digits(node, what),
    "counters": _Reader.counters,
    "values": _Reader.values,
    "outstanding": lambda reader, node, what: reader.context.integer(node, what, 0, TABLE_ENTRIES),
    "table": _Reader.table,
    "tasks": _Reader.tasks,
}
