# SPDX-License-Identifier: GPL-2.0-only
"""The list of mutants is read from the module's source, and a hunt stops when it is sure, not earlier."""

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

SOURCE = (
    '#define MERGED\t\t"merged with-ptes"\n'
    '\tM(ONE, "a disable does nothing", MERGED, "all",\n\t       .op = nothing),\n'
    '\tM(TWO, "a range is lost",\n\t       "all", "s390x", .range = nothing),\n'
)


def source(tmp_path: Path, text: str) -> Path:
    (tmp_path / "some.c").write_text(text)
    return tmp_path


def test_the_list_is_read_with_what_each_concerns(tmp_path: Path) -> None:
    one, two = known(source(tmp_path, SOURCE)).values()
    assert one == Mutant("ONE", "a disable does nothing", ("merged", "with-ptes"), tuple(PERSONALITIES))
    assert two == Mutant("TWO", "a range is lost", tuple(REVISIONS), ("s390x",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOURCE.replace('"s390x"', '"s390"'),
        SOURCE.replace('"a range is lost"', "RANGE"),
        SOURCE.replace("#define", ""),
    ],
)
def test_an_entry_that_cannot_be_read_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(LazymmuError, match=str(tmp_path)):
        known(source(tmp_path, text))


def test_every_revision_and_personality_of_the_module_has_mutants() -> None:
    mutants = known().values()
    assert len(mutants) >= 84
    assert {api for mutant in mutants for api in mutant.apis} == set(REVISIONS)
    assert {mutant.arches for mutant in mutants} >= {(arch,) for arch in ("arm64", "s390x", "x86_64")}


class Guests:
    """Fails the units of some scenarios on some architectures."""

    def __init__(self, killers: dict[str, set[str]]) -> None:
        self.killers = killers
        self.ran: list[Unit] = []

    def __call__(self, mutant: Mutant, units: Sequence[Unit], full: bool) -> list[Result]:
        del mutant
        killed: set[str] = set()
        results = []
        for unit in units:
            if unit.arch not in killed or full:
                kills = unit.arch in self.killers.get(unit.scenario.name, ())
                killed |= {unit.arch} if kills else set()
                self.ran.append(unit)
                results.append(Result.of(unit, Outcome.FAIL if kills else Outcome.PASS))
        return results


MUTANT = Mutant("RANGE_ENDS", "a range ends early", ("merged",), ("arm64", "s390x"))
EVERY = {"arm64", "s390x", "x86_64"}


@pytest.fixture(scope="module")
def library() -> list[Unit]:
    return list(units(load([], LIBRARY), Selection(apis=("merged",))))


def test_a_mutant_that_survives_has_run_all_that_it_concerns_and_nothing_twice(library: list[Unit]) -> None:
    guests = Guests({})
    trial = hunt(MUTANT, library, guests, full=False)
    concerned = [unit for unit in library if unit.personality in ("arm64", "s390x")]
    assert len(guests.ran) == len(concerned) == len(trial.tried)
    assert trial.killers == {}


def test_a_hunt_ends_on_an_architecture_with_the_first_failure_unless_it_is_full(library: list[Unit]) -> None:
    killers = {unit.scenario.name: EVERY for unit in library}
    full = hunt(MUTANT, library, Guests(killers), full=True)
    assert set(full.killers) == {unit.scenario.name for unit in library if MUTANT.concerns(unit)}
    assert len(full.tried) > 100
    short = hunt(MUTANT, library, Guests(killers), full=False)
    # Some scenarios give x86_64's guest another personality.
    assert sorted(arch for arches in short.killers.values() for arch in arches) == ["arm64", "s390x", "x86_64"]


def test_scenarios_that_share_words_with_a_mutant_run_first(library: list[Unit]) -> None:
    guests = Guests({})
    hunt(Mutant("QUEUE", "multicall queue at 31", ("merged",), ("x86_64",)), library, guests, full=False)
    assert "queue" in guests.ran[0].scenario.description


def test_a_scenario_that_noticed_nothing_yet_runs_against_every_mutant(library: list[Unit]) -> None:
    another = Mutant("ANOTHER", "something else", ("merged",), ("arm64",))
    merged = [unit for unit in library if unit.personality == "arm64"]
    killing = {unit.scenario.name for unit in merged} - {"nesting/single"}
    trials = [hunt(MUTANT, merged, Guests({}), full=False), hunt(another, [], Guests({}), full=False)]
    assert idle(merged, trials, Guests(dict.fromkeys(killing, EVERY))) == ["nesting/single"]


def test_an_unknown_mutant_is_refused_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--mutant", "NESTED_DISABLE_NO_FLUHS"]) == 2
    assert "did you mean `NESTED_DISABLE_NO_FLUSH`?" in capsys.readouterr().err
