# SPDX-License-Identifier: GPL-2.0-only
"""What a scenario file becomes: cases made of numbered steps, ready for the model and for a guest.

The loader (`harness/lazymmu/scenario`) makes these; the model and the guest program are two readers that know
nothing of YAML and nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

from msgspec import Struct, field

from lazymmu.support.errors import Place

#: A value that a `check` or `expect` pins.
Pinned = int | bool | str | list[int] | dict[str, "Pinned"]

#: The `vary` values of a case by name, in the order written; empty without `vary`.
Values = Mapping[str, int | bool | str]


class Check(Struct, frozen=True):
    """An author's assertion at one point; `pins` maps what is pinned to its value.

    Keys of `pins`: active, depth, pause_count, outstanding, hooks (the trace so far), or any counter.
    """

    pins: Mapping[str, Pinned]
    #: The task whose active, depth or pause_count is meant; None is the task that runs.
    task: str | None = None
    #: The assertion holds only for these revisions / personalities; None means all.
    apis: frozenset[str] | None = None
    arches: frozenset[str] | None = None

    def applies(self, api: str, arch: str) -> bool:
        """Return whether the assertion is made for this revision and personality."""
        return (self.apis is None or api in self.apis) and (self.arches is None or arch in self.arches)


class Step(Struct, frozen=True):
    """One operation after expansion: blocks are their two calls, repeats are unrolled."""

    #: Number within the case, from 0, in the order of the text (a step before its own nested steps).
    index: int
    #: A call of the API, an operation on the table, a hand-over, a context, or check (docs/protocol.md, section 1).
    op: str
    place: Place
    #: What it takes, in the order in which the program text has it: {"index": entry, "value": 64 bits}, {"task": name}.
    args: Mapping[str, int | str] = field(default_factory=dict)
    #: Steps run inside a context (interrupt, softirq, bh_disabled, irqs_off).
    body: tuple[Step, ...] = ()
    #: Steps run where this call's hook is about to be called, not at all when none is called.
    before_hook: tuple[Step, ...] = ()
    check: Check | None = None
    #: What the author pinned as the answer of touch (1 or 0), get_pte, clear_pte or load.
    answer: int | None = None

    def walk(self) -> Iterator[Step]:
        """Yield this step and all nested ones, in the order of their numbers."""
        yield self
        for nested in (*self.before_hook, *self.body):
            yield from nested.walk()


class Expectation(Struct, frozen=True):
    """What `expect` pins for some revisions and personalities (None: all); keys are those of a TRACE."""

    pins: Mapping[str, Pinned]
    place: Place
    api: str | None = None
    arch: str | None = None

    def applies(self, api: str, arch: str) -> bool:
        """Return whether this part is about this revision and personality."""
        return self.api in (None, api) and self.arch in (None, arch)


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

        A part pinned for a revision and a personality replaces one pinned for either, and that one pinned for all.
        """
        parts: dict[str, tuple[Pinned, Place]] = {}
        applying = [part for part in self.expect if part.applies(api, arch)]
        for expectation in sorted(applying, key=lambda part: (part.api is not None) + (part.arch is not None)):
            parts.update({key: (value, expectation.place) for key, value in expectation.pins.items()})
        return parts


class Cases(Sequence[Case]):
    """The cases of a scenario, the last `vary` name varying fastest; each is made when it is asked for.

    A scenario may have tens of thousands, so that none is held here. Several threads may ask at once.
    """

    __slots__ = ("_domains", "_expand", "_numbers")

    def __init__(self, domains: Mapping[str, Sequence[int | bool | str]], expand: Callable[[Values], Case]) -> None:
        """Take the values of each name, and what makes the case of one combination (with `==` and a hash)."""
        self._expand = expand
        #: Name, its values, and how many cases one value lasts: the digits of a number with mixed radixes.
        self._domains: list[tuple[str, Sequence[int | bool | str], int]] = []
        length = 1
        for name in reversed(list(domains)):
            self._domains.insert(0, (name, domains[name], length))
            length *= len(domains[name])
        self._numbers = range(length)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, number: int) -> Case: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Case, ...]: ...
    def __getitem__(self, number: int | slice) -> Case | tuple[Case, ...]:
        """Return one case, or those of a slice; raises IndexError beyond the last."""
        if isinstance(number, slice):
            return tuple(self._expand(self.values(one)) for one in self._numbers[number])
        return self._expand(self.values(number))

    def values(self, number: int) -> Values:
        """Return the `vary` values of one case without making its steps; raises IndexError beyond the last."""
        number = self._numbers[number]
        return {name: values[number // lasts % len(values)] for name, values, lasts in self._domains}


class Scenario(Struct, frozen=True):
    """One scenario file, checked; its cases are expanded when they are asked for."""

    #: Path under the library without the suffix, or the path as given when it lies outside.
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
    cases: Cases
    #: The personality that its guests take on; None: each its own.
    personality: str | None = None
    #: Guests on which it can run on the kernel's own implementation, if that kernel has one (docs/native.md).
    native: tuple[str, ...] = ()
