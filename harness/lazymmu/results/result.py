# SPDX-License-Identifier: GPL-2.0-only
"""What a run found out about one case on one machine; every report is made from these."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.subject.case import Case, Scenario, Values
from lazymmu.subject.implementations import MODULE
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import Place
from lazymmu.support.machine_names import DEFAULT_KERNEL, machine_name


class Outcome(StrEnum):
    """The four ends of a case; they are never confused."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Unit(Struct, frozen=True):
    """One thing to run: a case of a scenario under one revision on one architecture."""

    scenario: Scenario
    #: Which of the scenario's cases, from 0.
    number: int
    api: str
    arch: str
    #: Whose functions are under test, and the kernel of the guest (images/kernels.yaml).
    impl: str = MODULE
    kernel: str = DEFAULT_KERNEL
    #: Which of several runs of the same, from 1; None when it runs once.
    repetition: int | None = None

    @property
    def case(self) -> Case:
        """The case with its steps, which may have to be made anew: ask once and keep it while it is used."""
        return self.scenario.cases[self.number]

    @property
    def values(self) -> Values:
        """The `vary` values of the case; costs no steps."""
        return self.scenario.cases.values(self.number)

    @property
    def personality(self) -> str:
        """The personality in force: the scenario's, or the one that is usual on the guest."""
        return self.scenario.personality or architectures()[self.arch].personality

    def title(self) -> str:
        """Return the unit's name without its machine, as `nesting/deep[depth=3] merged`."""
        return f"{self.case_name()} {self.under_test()}{self._again()}"

    def label(self) -> str:
        """Return the unit's name for a person, as `nesting/deep[depth=3] merged on arm64`."""
        return f"{self.case_name()} {self.under_test()} on {self.machine}{self._again()}"

    @property
    def machine(self) -> str:
        """The name of the guest for a person: its architecture, and its kernel when that is not the usual one."""
        return machine_name(self.arch, self.kernel)

    def under_test(self) -> str:
        """Return whose functions are under test for a person, as `merged native`; the module's go without saying."""
        return self.api if self.impl == MODULE else f"{self.api} {self.impl}"

    def case_name(self) -> str:
        """Return scenario and case for a person, as `nesting/deep[depth=3]`."""
        values = ",".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.scenario.name}{f'[{values}]' if values else ''}"

    def _again(self) -> str:
        return f", repetition {self.repetition}" if self.repetition else ""


class Difference(Struct, frozen=True):
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

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        place = self.place
        where = None if place is None else {"path": place.path, "line": place.line, "column": place.column}
        return {"what": self.what, "sides": dict(self.sides), "place": where}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the difference that has this JSON form."""
        place = document["place"]
        return cls(document["what"], document["sides"], None if place is None else Place(**place))


class Result(Struct, frozen=True):
    """The end of one unit."""

    unit: Unit
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
            "case": dict(self.unit.values),
            "arch": self.unit.arch,
            "api": self.unit.api,
            "impl": self.unit.impl,
            "kernel": self.unit.kernel,
            "release": self.release,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "observed": self.observed.to_json(steps=steps) if self.observed else None,
            "predicted": self.predicted.to_json(steps=steps) if self.predicted else None,
            "seconds": self.seconds,
            "differences": [str(difference) for difference in self.differences],
            "details": self.details,
            "position": self.position,
        }
        if self.differences:
            document["parts"] = [difference.to_json() for difference in self.differences]
        if self.unit.scenario.personality:
            document["personality"] = self.unit.personality
        if self.unit.repetition:
            document["repetition"] = self.unit.repetition
        if self.known:
            document["known"] = self.known
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any], unit: Unit) -> Self:
        """Return the result of a unit that has this JSON form; of one with `trace`, all of it.

        Raises KeyError, TypeError, ValueError or AttributeError for what `to_json` does not make.
        """
        predicted, observed = document["predicted"], document["observed"]
        return cls(
            unit=unit,
            release=document["release"],
            outcome=Outcome(document["outcome"]),
            reason=document["reason"],
            predicted=None if predicted is None else Trace.from_json(predicted),
            observed=None if observed is None else Trace.from_json(observed),
            seconds=document["seconds"],
            differences=tuple(Difference.from_json(part) for part in document.get("parts", ())),
            details=document["details"],
            position=document["position"],
            known=document.get("known", ""),
        )
