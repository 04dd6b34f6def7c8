# SPDX-License-Identifier: GPL-2.0-only
"""A scenario as data: cases made of numbered steps, ready for the simulator and for a guest.

The loader (`scenario/`) makes them. The simulator and the writer of programs read them; neither knows of YAML, or of
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.support.errors import Place

#: A value that a `check` or `expect` pins.
Pinned = int | bool | str | list[int] | dict[str, "Pinned"]

#: The `vary` values of a case by name, in the order written; empty without `vary`.
Values = Mapping[str, int | bool | str]


def values_text(values: Values) -> str:
    """Return the values of a case as names of cases have them, such as `depth=3,cpu=0`."""
    return ",".join(f"{name}={value}" for name, value in values.items())


class Check(Struct, frozen=True):
    """An author's assertion at one point."""

    #: active, depth, pause_count, outstanding, hooks (the trace so far), or any counter -> its value.
    pins: Mapping[str, Pinned]
    #: The task of active, depth and pause_count; None: the running task.
    task: str | None = None
    #: The revisions and personalities for which the assertion holds; None: all.
    apis: frozenset[str] | None = None
    arches: frozenset[str] | None = None

    def applies(self, api: str, arch: str) -> bool:
        """Return whether the assertion holds for this revision and personality."""
        return (self.apis is None or api in self.apis) and (self.arches is None or arch in self.arches)


class Step(Struct, frozen=True):
    """One operation after expansion: blocks are their two calls, repeats are unrolled."""

    #: Number within the case, from 0, in the order of the text: a step comes before its nested steps.
    index: int
    #: A name of the table of operations.
    op: str
    place: Place
    #: Its arguments, in the order of the program text: {"index": 3, "value": 4097}, {"task": "other"}.
    args: Mapping[str, int | str] = field(default_factory=dict)
    #: Steps that run inside this context or `meanwhile`.
    body: tuple[Step, ...] = ()
    #: Steps that run when this call's hook is about to be called, if one is called.
    before_hook: tuple[Step, ...] = ()
    check: Check | None = None
    #: The answer that the author pinned; 1 or 0 for true or false.
    answer: int | None = None
    #: The place of the task or CPU that the step names, for messages; None: that of the step.
    named: Place | None = None
    #: The block (`lazy: [..]` and the like) that begins, or ends, with this call.
    #: A block ends in the task in which it began.
    begins: str = ""
    ends: str = ""

    def walk(self) -> Iterator[Step]:
        """Yield this step and all nested ones, in the order of their numbers."""
        yield self
        for nested in (*self.before_hook, *self.body):
            yield from nested.walk()


class Expectation(Struct, frozen=True):
    """What `expect` pins for a revision and a personality (None: all); `key` is that of a part of a TRACE."""

    key: str
    value: Pinned
    place: Place
    api: str | None = None
    arch: str | None = None


class Case(Struct, frozen=True):
    """One combination of a scenario's `vary` values."""

    values: Values
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...] = ()
    #: Declared tasks beside `main` -> the CPU on which each starts; `main` starts on CPU 0.
    tasks: Mapping[str, int] = field(default_factory=dict)

    def walk(self) -> Iterator[Step]:
        """Yield every step in the order of their numbers."""
        for step in self.steps:
            if step.before_hook or step.body:
                yield from step.walk()
            else:
                yield step

    def expected(self, api: str, arch: str) -> tuple[Expectation, ...]:
        """Return what `expect` pins for this revision and personality.

        A part for a revision and a personality replaces one for either of them, and that replaces one for all. Of
        `counters` it replaces only the counters that it names.
        """
        applying = [part for part in self.expect if part.api in (None, api) and part.arch in (None, arch)]
        applying.sort(key=lambda part: (part.api is None) + (part.arch is None))
        whole: dict[str, Expectation] = {}
        counters: list[Expectation] = []
        seen: set[str] = set()
        for part in applying:
            if part.key == "counters" and isinstance(part.value, dict):
                left = {name: value for name, value in part.value.items() if name not in seen}
                seen.update(left)
                counters += [replace(part, value=left)] if left else []
            else:
                whole.setdefault(part.key, part)
        return (*whole.values(), *counters)


class Limit(Struct, frozen=True):
    """A word in a scenario that limits it to those revisions or personalities that have it."""

    place: Place
    word: str
    to: tuple[str, ...]

    def __str__(self) -> str:
        return f"`{self.word}` limits the scenario to {', '.join(self.to)}"


class Scenario(Struct, frozen=True, eq=False):
    """One scenario file that has no mistake."""

    #: Path under the library without the suffix, or the path as given if it is outside.
    name: str
    path: str
    description: str
    tags: tuple[str, ...]
    #: Whether the kernel may print a WARNING while it runs, as its own checks do on misuse.
    kernel_warnings: bool
    #: Revisions it applies to, in the order of the catalogue.
    apis: tuple[str, ...]
    #: Guests it applies to, in the order of the catalogue; none if it needs a personality that no guest has by itself.
    arches: tuple[str, ...]
    #: One for each combination of `vary` values; the last name varies fastest.
    cases: tuple[Case, ...]
    #: The personality of all guests; None: the usual one of each.
    personality: str | None = None
    #: Guests on which it can run on the kernel's own implementation, if that kernel has one (docs/native.md).
    native: tuple[str, ...] = ()
    #: Personalities it applies to, and the guests for a personality that is not their own (`--personality`).
    personalities: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()
    #: What limits it though its file does not name revisions, or architectures.
    limits: tuple[Limit, ...] = ()
