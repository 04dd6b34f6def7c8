# SPDX-License-Identifier: GPL-2.0-only
"""Finds the guests on which a scenario can use the running kernel's own implementation (docs/native.md).

The scenario must apply to a revision of that implementation, have no other personality than the guest's, use no
operation that it lacks, and pin nothing that its traces do not show.
"""

from collections.abc import Sequence

from lazymmu.architecture import architectures
from lazymmu.scenario.checks import PINS
from lazymmu.scenario.expectations import COUNTERS, Part, counts
from lazymmu.scenario.templates import Template, operations
from lazymmu.subject.counters import CHECKS, counter_names
from lazymmu.subject.implementations import IMPLEMENTATIONS, NATIVE, missing_operations, shows_table

_NATIVE = IMPLEMENTATIONS[NATIVE]
#: Parts that a native TRACE without the page table lacks.
_HIDDEN = frozenset({"values", "outstanding", "table"})


def guests(
    steps: Sequence[Template],
    parts: Sequence[Part],
    apis: Sequence[str],
    arches: Sequence[str],
    personality: str | None,
) -> tuple[str, ...]:
    """Return those of the guests `arches` on which the scenario can run natively; `parts` are those of `expect`."""
    revisions = [api for api in apis if api in _NATIVE.revisions]
    return tuple(
        arch
        for arch in arches
        if revisions
        and personality in (None, usual := architectures()[arch].personality)
        and not any(_beyond(steps, parts, api, usual) for api in revisions)
    )


def _beyond(steps: Sequence[Template], parts: Sequence[Part], api: str, personality: str) -> bool:
    """Return whether a step cannot run natively, or if a `check` or `expect` pins what a native trace does not show."""
    # Pins of a check do not count where the kernel does not have it.
    counters = {*counter_names(personality, NATIVE, CHECKS)}
    missing = missing_operations(personality, NATIVE)
    hidden = frozenset() if shows_table(personality, NATIVE) else _HIDDEN
    for step in operations(steps):
        check = step.check
        if step.op in missing or (hidden and step.answer is not None):
            return True
        holds = check and (not check.apis or api in check.apis) and (not check.arches or personality in check.arches)
        if check and holds and not check.pins.keys() <= {*PINS} - hidden | counters:
            return True
    return any(
        counts(parts, part, api, personality, word)
        for part in parts
        for word in ([""] if part.key in hidden else [name for name, _ in part.words if part.key == COUNTERS])
        if word not in counters
    )
