# SPDX-License-Identifier: GPL-2.0-only
"""Units, and the result of each. Every report is made from results, and JSON documents hold them as they are here."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.architecture import DEFAULT_KERNEL, architectures, machine_name
from lazymmu.subject.case import Case, Scenario, Values, values_text
from lazymmu.subject.implementations import MODULE
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import Place


class Outcome(StrEnum):
    """The outcomes of a unit, in the order of summaries."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"
    #: A failure or an error that an entry of --known excuses (pytest's xfail). JSON documents keep what it was.
    KNOWN = "known"


#: The outcomes of a unit in which something is wrong.
FAILED = (Outcome.FAIL, Outcome.ERROR)
#: The outcomes that JSON documents have.
RAW_OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP)


class Named:
    """The names of a unit for a person."""

    __slots__ = ()
    api: str
    arch: str
    impl: str
    kernel: str
    repetition: int | None = None

    @property
    def scenario_name(self) -> str:
        """The name of the scenario."""
        raise NotImplementedError

    @property
    def values(self) -> Values:
        """The `vary` values of the case."""
        raise NotImplementedError

    @property
    def personality(self) -> str | None:
        """The personality in force; None for the guest's own."""
        raise NotImplementedError

    def title(self) -> str:
        """Return the unit's name without its machine, such as `nesting/deep[depth=3] merged`."""
        return f"{self.case_name()} {self.under_test()}{self._details()}"

    def label(self) -> str:
        """Return the unit's full name, such as `nesting/deep[depth=3] merged on arm64 as xen`."""
        return f"{self.case_name()} {self.under_test()} on {self.machine}{self._details()}"

    @property
    def machine(self) -> str:
        """The name of the machine: its architecture, and its kernel if that is not the default."""
        return machine_name(self.arch, self.kernel)

    def under_test(self) -> str:
        """Return the revision, and the implementation if it is not the module's, such as `merged native`."""
        return self.api if self.impl == MODULE else f"{self.api} {self.impl}"

    def case_name(self) -> str:
        """Return scenario and case, such as `nesting/deep[depth=3]`."""
        values = values_text(self.values)
        return f"{self.scenario_name}{f'[{values}]' if values else ''}"

    @property
    def other_personality(self) -> str:
        """The personality in force if it is not the guest's own, else empty."""
        guest = architectures().get(self.arch)
        is_own = guest is not None and guest.personality == self.personality
        return "" if is_own or self.personality is None else self.personality

    def _details(self) -> str:
        personality = f" as {self.other_personality}" if self.other_personality else ""
        return f"{personality}, repetition {self.repetition}" if self.repetition else personality


class Unit(Named, Struct, frozen=True):
    """One thing to run: a case of a scenario under one revision on one machine."""

    scenario: Scenario
    #: Which of the scenario's cases, from 0.
    number: int
    api: str
    arch: str
    #: The implementation under test, and the kernel of the guest (images/kernels.yaml).
    impl: str = MODULE
    kernel: str = DEFAULT_KERNEL
    #: Which of several runs of the same unit, from 1; None if it runs once.
    repetition: int | None = None
    #: Its place among the units that were selected, from 0.
    index: int = 0
    #: The personality that --personality names.
    given_personality: str | None = None

    @property
    def scenario_name(self) -> str:
        """The name of the scenario."""
        return self.scenario.name

    @property
    def path(self) -> str:
        """The file of the scenario, as messages show it."""
        return self.scenario.path

    @property
    def case(self) -> Case:
        """The case with its steps."""
        return self.scenario.cases[self.number]

    @property
    def values(self) -> Values:
        """The `vary` values of the case."""
        return self.case.values

    @property
    def named_personality(self) -> str | None:
        """The personality that --personality or the scenario names."""
        return self.given_personality or self.scenario.personality

    @property
    def personality(self) -> str:
        """The personality in force: the one that is named, or the guest's own."""
        return self.named_personality or architectures()[self.arch].personality


class SavedUnit(Named, Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit as documents have it. The JSON form of a result can be read as one, too."""

    #: `Unit.index`.
    index: int = field(name="number")
    scenario_name: str = field(name="scenario")
    values: Values = field(name="case")
    arch: str
    api: str
    impl: str
    kernel: str
    #: Only if the scenario or --personality names one.
    personality: str | None = None
    repetition: int | None = None
    #: The file of the scenario, where somebody has it.
    path: str = ""

    @classmethod
    def of(cls, unit: Unit) -> Self:
        """Return a unit as documents have it."""
        return cls(
            index=unit.index,
            scenario_name=unit.scenario.name,
            values=unit.values,
            personality=unit.named_personality,
            **{name: getattr(unit, name) for name in ("arch", "api", "impl", "kernel", "repetition")},
        )


class Difference(Struct, frozen=True):
    """One value that is not what it should be."""

    #: What differs, such as `step 3 disable: hooks`.
    what: str
    #: Who has a value -> that value, the right one first, such as {"predicted": "efl", "observed": "el"}.
    sides: Mapping[str, str]
    #: The place of the step, check or expectation in its file.
    place: Place | None = None
    #: The operation, and the part of its trace, if one step differs from the prediction.
    operation: str = ""
    part: str = ""
    #: The number of the step; None if it is not about one.
    step: int | None = None

    def __str__(self) -> str:
        sides = ", ".join(f"{name} {value}" for name, value in self.sides.items())
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what}: {sides}"


class SavedResult(Named, Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What documents of every version have of the result of one unit."""

    scenario_name: str = field(name="scenario")
    values: Values = field(name="case")
    arch: str
    api: str
    impl: str
    kernel: str
    #: The outcome before --known.
    raw_outcome: Outcome = field(name="outcome")
    #: One line: the first difference, or why it is an error or a skip; empty on a pass.
    reason: str
    #: Wall time of this unit in its guest, boot not included.
    seconds: float
    #: Only if the scenario or --personality names one.
    personality: str | None = None
    #: Why an entry of --known excuses this failure or error; empty if none does.
    known: str = ""
    #: True for a failure after which the unit passed in a fresh guest (--retries).
    flaky: bool = False


class Result(SavedResult, frozen=True, kw_only=True, omit_defaults=True):
    """The result of one unit. Fields without a default are always in its JSON form (docs/command-line.md)."""

    #: `Unit.index`.
    number: int
    #: What `uname -r` says in the guest; empty if no guest answered.
    release: str
    observed: Trace | None
    predicted: Trace | None
    #: `parts` as text.
    differences: tuple[str, ...]
    #: What helps to act on an error: console, QEMU's standard error, command line.
    details: str
    #: When it ended among the units of its machine, from 1: those before it are in the same guest's log.
    position: int
    parts: tuple[Difference, ...] = ()
    #: How many steps its case has; only of a failure or an error.
    steps: int = 0
    #: What a KUnit suite printed, as lines of KTAP.
    ktap: tuple[str, ...] = ()
    repetition: int | None = None
    #: The place of the step in which a guest was lost.
    step_place: Place | None = None
    #: The arguments of the shard that ran it, in which they differ from those of the whole run. Only after --shuffle,
    #: where the cases before it may matter.
    shard: Mapping[str, Any] = {}

    @classmethod
    def of(cls, unit: Unit, outcome: Outcome, reason: str = "", **others: Any) -> Self:
        """Return the result of a unit; `others` are further fields. Text that is not UTF-8 is escaped."""
        parts = others.get("parts", ())
        fields: dict[str, Any] = {"release": "", "observed": None, "predicted": None, "seconds": 0.0, "position": 0}
        return cls(
            **{**fields, **others, "details": _utf8(others.get("details", ""))},
            number=unit.index,
            scenario_name=unit.scenario.name,
            values=unit.values,
            raw_outcome=outcome,
            reason=_utf8(reason),
            differences=tuple(str(part) for part in parts),
            steps=sum(1 for _ in unit.case.walk()) if outcome in FAILED else 0,
            personality=unit.named_personality,
            **{name: getattr(unit, name) for name in ("arch", "api", "impl", "kernel", "repetition")},
        )

    @property
    def outcome(self) -> Outcome:
        """The outcome: `known` if an entry of --known excuses it."""
        return Outcome.KNOWN if self.known else self.raw_outcome

    def without_steps(self) -> Self:
        """Return the result without the steps of its traces."""
        predicted, observed = (trace and trace.without_steps() for trace in (self.predicted, self.observed))
        return replace(self, predicted=predicted, observed=observed)


def _utf8(text: str) -> str:
    """Return the text with what UTF-8 cannot hold (a path of other bytes) as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
