# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: builds of the module with one mistake each, and which scenarios notice it.

The list stands in guest/module/mutants.h, beside the code that it changes; one build holds them all, and a load
parameter chooses one. What is not noticed by any scenario, a wrong implementation may do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct, field

from lazymmu.provision.builds import Variant
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.scheduler import Options, run
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import DEFAULT_REVISIONS, REVISIONS
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts
from lazymmu.support.project import MODULE_SOURCE

#: Where the list stands.
HEADER = MODULE_SOURCE / "mutants.h"
_MAKE = ("LMM_MUTANTS=y",)
# A line each: M(NAME, "what it does wrong", "revisions", "personalities"), where `all` stands for all.
_ENTRY = re.compile(r'^\s*M\((\w+), "([^"]+)", "([^"]+)", "([^"]+)"\)', re.MULTILINE)
_ALL = "all"
_WORD = re.compile(r"[a-z0-9]{3,}")


class Mutant(Struct, frozen=True):
    """One mistake."""

    name: str
    #: What it does wrong, in a few words.
    what: str
    #: Revisions and personalities in whose code it is.
    apis: tuple[str, ...]
    arches: tuple[str, ...]

    def concerns(self, unit: Unit) -> bool:
        """Return whether the mistake is in what the unit runs."""
        return unit.api in self.apis and unit.personality in self.arches


#: The build with mutants, of which none is chosen: it must pass.
NONE = Mutant("none", "no mistake", tuple(REVISIONS), tuple(PERSONALITIES))


def known(header: Path = HEADER) -> dict[str, Mutant]:
    """Return the mutants by name, in the order of the header. Raises LazymmuError when it cannot be understood."""
    text = header.read_text(encoding="utf-8")
    found = {
        name: Mutant(name, what, _among(header, name, apis, REVISIONS), _among(header, name, arches, PERSONALITIES))
        for name, what, apis, arches in _ENTRY.findall(text)
    }
    if not found or len(found) != len(re.findall(r"^\s*M\(", text, re.MULTILINE)):
        raise LazymmuError(f"{header}: the list of mutants is not one line of four parts for each")
    return found


def _among(header: Path, mutant: str, words: str, all_of: Mapping[str, object]) -> tuple[str, ...]:
    chosen = [*all_of] if words == _ALL else words.split()
    strange = [word for word in chosen if word not in all_of]
    if strange or not chosen:
        raise LazymmuError(f"{header}: mutant {mutant} is about `{words}`", hint=f"there is: {', '.join(all_of)}")
    return tuple(word for word in all_of if word in chosen)


class Trial(Struct):
    """What became of one mutant so far."""

    mutant: Mutant
    #: Units that were run against it, by scenario, case, revision and architecture.
    tried: set[tuple[str, int, str, str]] = field(default_factory=set)
    #: Those that failed, in the order in which they were found.
    killers: list[Unit] = field(default_factory=list)
    #: Results that are no verdict.
    errors: list[Result] = field(default_factory=list)

    def scenarios(self) -> dict[str, list[str]]:
        """Return each scenario that noticed it, with the architectures on which it did."""
        found: dict[str, list[str]] = {}
        for unit in self.killers:
            arches = found.setdefault(unit.scenario.name, [])
            if unit.arch not in arches:
                arches.append(unit.arch)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "mutant": self.mutant.name,
            "what": self.mutant.what,
            "killed": bool(self.killers),
            "ran": len(self.tried),
            "killers": self.scenarios(),
            "errors": [{"unit": result.label(), "reason": result.reason} for result in self.errors],
        }


class Runner(Protocol):
    """Runs units against a mutant."""

    def __call__(self, mutant: Mutant, units: Sequence[Unit], *, full: bool = False) -> Sequence[Result]:
        """Return the results in the order of the units; on an architecture, none behind a failure unless `full`."""


def runner(images: Images, interrupts: Interrupts) -> Runner:
    """Return what runs units against mutants in guests. It raises KeyboardInterrupt for an interrupt."""

    def ran(mutant: Mutant, units: Sequence[Unit], *, full: bool = False) -> Sequence[Result]:
        ended: dict[int, Result] = {}
        killed: set[str] = set()

        def finished(result: Result) -> None:
            ended[result.number] = result
            if result.outcome is Outcome.FAIL:
                killed.add(result.arch)

        run(
            units,
            {images.name: images},
            Options(variant=variant(mutant)),
            finished=finished,
            interrupts=interrupts,
            is_needed=lambda unit: full or unit.arch not in killed,
        )
        if interrupts.came:
            raise KeyboardInterrupt
        return [ended[unit.index] for unit in units if unit.index in ended]

    return ran


def variant(mutant: Mutant) -> Variant:
    """Return the build with mutants, with this one chosen."""
    return Variant(_MAKE, "" if mutant is NONE else f"mutant={mutant.name}")


def attempt(trial: Trial, units: Sequence[Unit], ran: Runner, *, full: bool) -> None:
    """Run units against a mutant that have not been yet, and note what became of them; `full`: of all."""
    new = [unit for unit in units if _key(unit) not in trial.tried]
    if new:
        results = ran(trial.mutant, new, full=full)
        by_index = {unit.index: unit for unit in new}
        trial.tried.update(_key(by_index[result.number]) for result in results)
        trial.killers += [by_index[result.number] for result in results if result.outcome is Outcome.FAIL]
        trial.errors += [result for result in results if result.outcome is Outcome.ERROR]


def _key(unit: Unit) -> tuple[str, int, str, str]:
    return unit.scenario.name, unit.number, unit.api, unit.arch


def hunt(mutant: Mutant, units: Sequence[Unit], ran: Runner, *, full: bool) -> Trial:
    """Return what became of a mutant: the likely killers go first, and on an architecture where it is killed, no more.

    `full`: all that it concerns.
    """
    trial = Trial(mutant)
    likely = sorted((unit for unit in units if mutant.concerns(unit)), key=lambda unit: -_kinship(mutant, unit))
    attempt(trial, likely, ran, full=full)
    return trial


def _kinship(mutant: Mutant, unit: Unit) -> int:
    """Return how many words mutant and scenario share: where a mistake is named, it is likely to be noticed."""
    scenario = unit.scenario
    of_mutant = set(_WORD.findall(f"{mutant.name} {mutant.what}".lower()))
    return len(of_mutant & set(_WORD.findall(f"{scenario.name} {scenario.description} {scenario.tags}".lower())))


def idle(units: Sequence[Unit], trials: Sequence[Trial], ran: Runner) -> list[str]:
    """Return the scenarios that notice no mutant, in the order selected; those that have not yet are tried on all."""
    killing = {unit.scenario.name for trial in trials for unit in trial.killers}
    # Most notice some mutant on any architecture and in a usual revision.
    for few in (True, False):
        for trial in trials:
            arch = trial.mutant.arches[0]
            left = [
                unit
                for unit in units
                if unit.scenario.name not in killing
                and trial.mutant.concerns(unit)
                and not (few and (unit.arch != arch or unit.api not in DEFAULT_REVISIONS))
            ]
            attempt(trial, left, ran, full=True)
            killing |= {unit.scenario.name for unit in trial.killers}
    return [name for name in dict.fromkeys(unit.scenario.name for unit in units) if name not in killing]
