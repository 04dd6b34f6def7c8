# SPDX-License-Identifier: GPL-2.0-only
"""A scenario as data: cases made of numbered steps, ready for the simulator and for a guest.

The loader (`scenario/`) makes them. The simulator and the writer of programs read them; neither knows of YAML, or of
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from lazymmu.support.errors import Place

#: A value that a `check` or `expect` pins.
Pinned = int | bool | str | list[int] | dict[str, "Pinned"]

#: The `vary` values of a case by name, in the order written; empty without `vary`.
Values = Mapping[str, int | bool | str]


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

    def expected(self, api: str, arch: str) -> dict[str, tuple[Pinned, Place]]:
        """Return what `expect` pins for this revision and personality: part of a TRACE -> (value, place).

        A part for a revision and a personality replaces one for either of them, and that replaces one for all.
        """
        applying = [part for part in self.expect if part.api in (None, api) and part.arch in (None, arch)]
        applying.sort(key=lambda part: (part.api is not None) + (part.arch is not None))
        return {part.key: (part.value, part.place) for part in applying}


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
    #: Guests it applies to, in the order of the catalogue.
    arches: tuple[str, ...]
    #: One for each combination of `vary` values; the last name varies fastest.
    cases: tuple[Case, ...]
    #: The personality of all guests; None: the usual one of each.
    personality: str | None = None
    #: Guests on which it can run on the kernel's own implementation, if that kernel has one (docs/native.md).
    native: tuple[str, ...] = ()
