# SPDX-License-Identifier: GPL-2.0-only
"""What happened in one run of a case, step by step: the model predicts one Trace, a guest reports another.

The JSON form is read by other programs; its keys are fixed (docs/command-line.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct

from lazymmu.subject.case import Step

_LONG_RUN = re.compile(r"(\w)\1{7,}")


def compact(hooks: str) -> str:
    """Return a hook trace for a person: runs of eight and more as `f*254`, nothing as `(none)`."""
    return _LONG_RUN.sub(lambda run: f" {run[1]}*{len(run[0])} ", hooks).strip() or "(none)"


def _seen(document: dict[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in document.items() if value is not None}


# Not frozen, and yet never changed: a frozen one takes five times as long to make, which is half of what a step costs.
class StepTrace(Struct):
    """What one step did. Records stand in the order in which steps *end*, so nested steps come first."""

    #: `Step.index` and `Step.op`.
    index: int
    op: str
    #: The task that runs, or is interrupted, at the end of the step; for a check of another task, that one.
    task: str
    #: The hook letter of this step's own call ("" or one letter; nested steps have their own records).
    hooks: str
    #: One digit for each letter: was the task active as seen from inside that hook?
    hook_active: str
    #: Is the task active at the end of the step, where the step stands (never in interrupt)?
    active: bool
    #: The running task's state at the end of the step, by the revision's own names.
    state: Mapping[str, int | bool]
    #: Entries whose last write has not taken full effect; None where the page table is not seen.
    outstanding: int | None
    #: Counters that differ from the record before (all 0 before the first), with their new values.
    counters: Mapping[str, int]
    #: The answer of touch, get_pte, clear_pte or load; None where the page table is not seen.
    value: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form of one step; `value` stands in it where there is an answer."""
        return _seen(
            {
                "step": self.index,
                "op": self.op,
                "task": self.task,
                "hooks": self.hooks,
                "hook_active": self.hook_active,
                "active": self.active,
                "state": dict(self.state),
                "outstanding": self.outstanding,
                "counters": dict(self.counters),
                "value": self.value,
            }
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the step that has this JSON form."""
        parts = {key: value for key, value in document.items() if key != "step"}
        return cls(**{"outstanding": None, **parts}, index=document["step"])


class Skip(Struct, frozen=True):
    """Why a case cannot run under a personality, in place of a trace."""

    #: For a person, as `comes to switch (step 4) with preemption off`.
    reason: str
    #: The step that it comes to.
    step: Step


class Trace(Struct, frozen=True):
    """The whole run. `hooks` is the letters of all steps in order; `counters` holds all, 0 included.

    What is None is not seen of the implementation (`Implementation.hooks_only`), and stands in no JSON.
    """

    hooks: str
    hook_active: str
    counters: Mapping[str, int]
    #: Answers of touch, get_pte, clear_pte and load, in order.
    values: tuple[int, ...] | None
    outstanding: int | None
    #: Page-table entries that are not 0 at the end.
    table: Mapping[int, int] | None
    #: Task -> its state by the revision's own names, plus "active" (as seen outside interrupt).
    tasks: Mapping[str, Mapping[str, int | bool]]
    steps: tuple[StepTrace, ...]

    def to_json(self, *, steps: bool) -> dict[str, Any]:
        """Return the JSON form, with its steps only when asked for."""
        document: dict[str, Any] = {
            "hooks": self.hooks,
            "hook_active": self.hook_active,
            "counters": dict(self.counters),
            "values": None if self.values is None else list(self.values),
            "outstanding": self.outstanding,
            "table": None if self.table is None else {str(index): self.table[index] for index in sorted(self.table)},
            "tasks": {name: dict(state) for name, state in self.tasks.items()},
        }
        if steps:
            document["steps"] = [step.to_json() for step in self.steps]
        return _seen(document)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the trace that has this JSON form; it has no steps when the form has none."""
        return cls(
            hooks=document["hooks"],
            hook_active=document["hook_active"],
            counters=document["counters"],
            values=tuple(document["values"]) if "values" in document else None,
            outstanding=document.get("outstanding"),
            table={int(index): value for index, value in document["table"].items()} if "table" in document else None,
            tasks=document["tasks"],
            steps=tuple(StepTrace.from_json(step) for step in document.get("steps", ())),
        )
