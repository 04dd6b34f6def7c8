# SPDX-License-Identifier: GPL-2.0-only
"""A record of one run of a case, step by step: the simulator predicts one Trace, a guest reports another.

Other programs read the JSON form; its keys are fixed (docs/command-line.md).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

from msgspec import UNSET, Struct, field, to_builtins
from msgspec.structs import replace

_LONG_RUN = re.compile(r"(\w)\1{7,}")


def compact(hooks: str) -> str:
    """Return a hook trace for a person: runs of eight and more as `f*254`, nothing as `(none)`."""
    return _LONG_RUN.sub(lambda run: f" {run[1]}*{len(run[0])} ", hooks).strip() or "(none)"


def _no_counters() -> dict[str, int]:
    # msgspec omits an empty `dict()` from the JSON form, but not an empty mapping that this returns.
    return {}


# Nothing changes it. It is not frozen because making a frozen one takes five times as long, half of what a step costs.
class StepTrace(Struct, omit_defaults=True):
    """What one step did. Records are in the order in which steps *end*, so nested steps come first."""

    #: `Step.index` and `Step.op`.
    index: int = field(name="step")
    op: str
    #: The running or interrupted task at the end of the step; for a check of another task, that one.
    task: str
    #: The letters of the hooks that this step's own work called, in order; nested steps have their own records.
    hooks: str
    #: One digit for each letter: whether the task was active as seen from inside that hook.
    hook_active: str
    #: Whether the task is active where the step ends: never in interrupt.
    active: bool
    #: The running task's state at the end of the step, by the revision's own names.
    state: Mapping[str, int | bool]
    #: Entries whose last write has not taken full effect; None if the page table is not visible.
    outstanding: int | None = None
    #: Counters that differ from the record before (all 0 before the first), with their new values. Always in the JSON.
    counters: Mapping[str, int] = field(default_factory=_no_counters)
    #: The answer of an operation that has one; None if the page table is not visible.
    value: int | None = None


def in_call_order(records: Sequence[StepTrace]) -> Sequence[StepTrace]:
    """Return records in the order in which their hooks were called.

    Records are in the order in which steps end. A step calls its hooks after its nested steps, but a `meanwhile` before
    them. Its nested steps are the records directly before it with a higher number.
    """
    early = [at for at, record in enumerate(records) if record.hooks and record.op == "meanwhile"]
    if not early:
        return records
    ordered = list(records)
    for at in early:
        record, to = ordered.pop(at), at
        while to and ordered[to - 1].index > record.index:
            to -= 1
        ordered.insert(to, record)
    return ordered


class Trace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole run. `hooks` is all letters in the order of the calls; `counters` holds all, 0 included.

    A part is None, and not in the JSON, if it is not visible of the implementation (`Implementation.hooks_only`).
    """

    hooks: str
    hook_active: str
    counters: Mapping[str, int]
    #: Answers of touch, get_pte, clear_pte, load and peek, in order.
    values: tuple[int, ...] | None = None
    outstanding: int | None = None
    #: Page-table entries that are not 0 at the end.
    table: Mapping[int, int] | None = None
    #: Task -> its state by the revision's own names, plus "active" (as seen outside interrupt).
    tasks: Mapping[str, Mapping[str, int | bool]]
    #: In the JSON even if empty, unless `without_steps` removed them.
    steps: tuple[StepTrace, ...] = field(default_factory=lambda: ())

    def to_json(self, *, steps: bool) -> dict[str, Any]:
        """Return the JSON form, with its steps only if `steps`."""
        document: dict[str, Any] = to_builtins(self if steps else self.without_steps(), str_keys=True)
        return document

    def without_steps(self) -> Self:
        """Return a trace whose JSON form has no `steps`. Its attribute `steps` cannot be read."""
        return replace(self, steps=UNSET)
