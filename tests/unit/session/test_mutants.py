# SPDX-License-Identifier: GPL-2.0-only
"""The list of mutants is read as the module's source has it, and a hunt stops when it is sure, not earlier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.scenario import load
from lazymmu.session.mutants import Mutant, hunt, idle, known
from lazymmu.session.selection import Selection, units
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import LazymmuError
from lazymmu.support.project import LIBRARY

HEADER = """\
#define LMM_MUTANT_LIST(M) \\
	M(ONE, "a disable does nothing", "merged with-ptes", "all") \\
	M(TWO, "a range is lost", "all", "s390x")
"""


def header(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mutants.h"
    path.write_text(text)
    return path


def test_the_list_is_read_with_what_each_is_about(tmp_path: Path) -> None:
    one, two = known(header(tmp_path, HEADER)).values()
    assert one == Mutant("ONE", "a disable does nothing", ("merged", "with-ptes"), ("arm64", "s390x", "x86_64"))
    assert two.apis == ("proposal", "amended", "v3", "v4", "merged", "with-ptes")
    assert two.arches == ("s390x",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEADER.replace('"s390x"', '"s390"'),
        HEADER.replace('"a range is lost"', "RANGE"),
        HEADER.replace('"merged with-ptes"', '"merged nothing"'),
    ],
)
def test_a_list_that_is_not_understood_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = header(tmp_path, text)
    with pytest.raises(LazymmuError, match=str(path)):
        known(path)


def test_the_module_has_its_mutants_one_for_each_revision_and_personality_at_least() -> None:
    mutants = known().values()
    assert len(mutants) >= 50
    assert {api for mutant in mutants for api in mutant.apis} == set(REVISIONS)
    for arch in PERSONALITIES:
        assert any(mutant.arches == (arch,) for mutant in mutants)


def result(unit: Unit, outcome: Outcome) -> Result:
    return Result.of(unit, outcome)


class Guests:
    """What units do against a mutant: those of some scenarios fail on some architectures."""

    def __init__(self, killers: dict[str, set[str]]) -> None:
        self.killers = killers
        self.ran: list[Unit] = []

    def __call__(self, mutant: Mutant, units: Sequence[Unit], *, full: bool = False) -> list[Result]:
        del mutant
        killed: set[str] = set()
        results = []
        for unit in units:
            if unit.arch not in killed or full:
                kills = unit.arch in self.killers.get(unit.scenario.name, ())
                killed |= {unit.arch} if kills else set()
                self.ran.append(unit)
                results.append(result(unit, Outcome.FAIL if kills else Outcome.PASS))
        return results


MUTANT = Mutant("RANGE_ENDS", "a range ends early", ("merged",), ("arm64", "s390x"))
EVERY = {"arm64", "s390x", "x86_64"}


@pytest.fixture(scope="module")
def library() -> list[Unit]:
    return list(units(load([], LIBRARY), Selection(apis=("all",))))


def test_only_what_a_mutant_concerns_is_run_and_each_once(library: list[Unit]) -> None:
    guests = Guests({})
    trial = hunt(MUTANT, library, guests, full=False)
    concerned = [unit for unit in library if unit.api == "merged" and unit.personality in ("arm64", "s390x")]
    assert len(guests.ran) == len(concerned) == len(trial.tried)
    assert trial.killers == []


def test_a_hunt_ends_on_an_architecture_with_its_first_killer_there_unless_it_is_full(library: list[Unit]) -> None:
    killers = {unit.scenario.name: EVERY for unit in library}
    full = hunt(MUTANT, library, Guests(killers), full=True)
    assert len(full.killers) == len(full.tried) > 100
    short = hunt(MUTANT, library, Guests(killers), full=False)
    # x86_64's guest takes on the personality of another one in some scenarios.
    assert sorted(unit.arch for unit in short.killers) == ["arm64", "s390x", "x86_64"]
    assert short.tried == {(unit.scenario.name, unit.number, unit.api, unit.arch) for unit in short.killers}


def test_the_scenarios_that_speak_of_a_mistake_are_tried_first(library: list[Unit]) -> None:
    guests = Guests({})
    hunt(Mutant("QUEUE", "multicall queue at 31", ("merged",), ("x86_64",)), library, guests, full=False)
    assert "queue" in guests.ran[0].scenario.description


def test_a_scenario_that_noticed_nothing_yet_is_tried_on_every_mutant(library: list[Unit]) -> None:
    another = Mutant("ANOTHER", "something else", ("merged",), ("arm64",))
    merged = [unit for unit in library if unit.api == "merged" and unit.personality == "arm64"]
    killing = {unit.scenario.name for unit in merged} - {"nesting/single"}
    trials = [hunt(MUTANT, merged, Guests({}), full=False), hunt(another, [], Guests({}), full=False)]
    assert idle(merged, trials, Guests(dict.fromkeys(killing, EVERY))) == ["nesting/single"]


def test_a_mutant_that_is_not_there_is_refused_with_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--mutant", "NESTED_DISABLE_NO_FLUHS"]) == 2
    assert "did you mean `NESTED_DISABLE_NO_FLUSH`?" in capsys.readouterr().err
