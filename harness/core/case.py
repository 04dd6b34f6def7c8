# SPDX-License-Identifier: GPL-2.0-only
"""What a scenario file becomes: cases made of numbered steps, ready for the model and for a guest.

The loader (`harness/scenario`) makes these; the model and the guest program are two readers that know
nothing of YAML and nothing of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.core.errors import Place

#: A value that a `check` or `expect` pins.
Pinned = int | bool | str | list[int] | dict[str, "Pinned"]


@dataclass(frozen=True, slots=True)
class Check:
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


@dataclass(frozen=True, slots=True)
class Step:
    """One operation after expansion: blocks are their two calls, repeats are unrolled."""

    #: Number within the case, from 0, in the order of the text (a step before its own nested steps).
    index: int
    #: enable, disable, pause, resume, flush, enable_with_ptes, check, interrupt.
    op: str
    place: Place
    #: enable_with_ptes: {"index": first entry, "count": entries}; empty otherwise.
    args: Mapping[str, int] = field(default_factory=dict)
    #: Steps run inside a context (interrupt).
    body: tuple[Step, ...] = ()
    #: Steps run where this call's hook is about to be called, not at all when none is called.
    before_hook: tuple[Step, ...] = ()
    check: Check | None = None

    def walk(self) -> Iterator[Step]:
        """Yield this step and all nested ones, in the order of their numbers."""
        yield self
        for nested in (*self.before_hook, *self.body):
            yield from nested.walk()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What `expect` pins for some revisions and personalities (None: all); keys are those of a TRACE."""

    pins: Mapping[str, Pinned]
    place: Place
    api: str | None = None
    arch: str | None = None

    def applies(self, api: str, arch: str) -> bool:
        """Return whether this part is about this revision and personality."""
        return self.api in (None, api) and self.arch in (None, arch)


@dataclass(frozen=True, slots=True)
class Case:
    """One combination of a scenario's `vary` values."""

    #: The `vary` values by name; empty without `vary`.
    values: Mapping[str, int | bool | str]
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...] = ()

    def walk(self) -> Iterator[Step]:
        """Yield every step in the order of their numbers."""
        for step in self.steps:
            yield from step.walk()

    def expected(self, api: str, arch: str) -> dict[str, tuple[Pinned, Place]]:
        """Return what `expect` pins for this revision and personality: part of a TRACE -> (value, place).

        A part pinned for a revision and a personality replaces one pinned for either, and that one pinned for all.
        """
        parts: dict[str, tuple[Pinned, Place]] = {}
        applying = [part for part in self.expect if part.applies(api, arch)]
        for expectation in sorted(applying, key=lambda part: (part.api is not None) + (part.arch is not None)):
            parts.update({key: (value, expectation.place) for key, value in expectation.pins.items()})
        return parts


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario file, checked and expanded."""

    #: Path under the library without the suffix, or the path as given when it lies outside.
    name: str
    path: str
    description: str
    tags: tuple[str, ...]
    #: Whether the kernel may print a WARNING while it runs, as its own checks do on misuse.
    kernel_warnings: bool
    #: Revisions it applies to, in the order of the vocabulary.
    apis: tuple[str, ...]
    #: Personalities it applies to, in the order of the vocabulary.
    arches: tuple[str, ...]
    cases: tuple[Case, ...]
