# SPDX-License-Identifier: GPL-2.0-only
"""What a run found out about one case on one machine; every report is made from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.core.case import Case, Scenario
from harness.core.errors import Place
from harness.core.trace import Trace


class Outcome(StrEnum):
    """The four ends of a case; they are never confused."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing to run: a case of a scenario under one revision on one architecture."""

    scenario: Scenario
    case: Case
    api: str
    arch: str
    #: Which of several runs of the same, from 1; None when it runs once.
    repetition: int | None = None

    def title(self) -> str:
        """Return the unit's name without its architecture, as `nesting/deep[depth=3] merged`."""
        return f"{self._case()} {self.api}{self._again()}"

    def label(self) -> str:
        """Return the unit's name for a person, as `nesting/deep[depth=3] merged on arm64`."""
        return f"{self._case()} {self.api} on {self.arch}{self._again()}"

    def _case(self) -> str:
        values = ",".join(f"{name}={value}" for name, value in self.case.values.items())
        return f"{self.scenario.name}{f'[{values}]' if values else ''}"

    def _again(self) -> str:
        return f", repetition {self.repetition}" if self.repetition else ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be."""

    #: What differs, as `step 3 disable: hooks`.
    what: str
    #: Source of the right value -> the value, and who differs -> its value, in the order to show.
    sides: Mapping[str, str]
    #: Where the step, check or expectation stands in its file.
    place: Place | None = None

    def __str__(self) -> str:
        sides = ", ".join(f"{name} {value}" for name, value in self.sides.items())
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what}: {sides}"


@dataclass(frozen=True, slots=True)
class Result:
    """The end of one unit."""

    unit: Unit
    impl: str
    kernel: str
    #: What `uname -r` says in the guest; empty when none answered.
    release: str
    outcome: Outcome
    #: One line: the first difference, or why it is an error or a skip; empty on a pass.
    reason: str
    predicted: Trace | None
    observed: Trace | None
    #: Wall time of this unit on its guest, boot not included.
    seconds: float
    differences: tuple[Difference, ...] = ()
    #: What is needed to act on an error: console, QEMU's standard error, command line.
    details: str = ""
    #: Which one it was on its machine, from 1: what ran before it stands in the same guest's log.
    position: int = 0
    #: Why this failure or error is known and excused; empty when it is not.
    known: str = ""

    def to_json(self, *, trace: bool) -> dict[str, Any]:
        """Return the JSON form; traces hold their steps on a failure or when asked for."""
        steps = trace or self.outcome is Outcome.FAIL
        document: dict[str, Any] = {
            "scenario": self.unit.scenario.name,
            "case": dict(self.unit.case.values),
            "arch": self.unit.arch,
            "api": self.unit.api,
            "impl": self.impl,
            "kernel": self.kernel,
            "release": self.release,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "observed": self.observed.to_json(steps=steps) if self.observed else None,
            "predicted": self.predicted.to_json(steps=steps) if self.predicted else None,
            "seconds": round(self.seconds, 4),
            "differences": [str(difference) for difference in self.differences],
            "details": self.details,
            "position": self.position,
        }
        if self.unit.repetition:
            document["repetition"] = self.unit.repetition
        if self.known:
            document["known"] = self.known
        return document
