# SPDX-License-Identifier: GPL-2.0-only
"""The list of mutants is read from the module's source, and a hunt stops when it is sure, not earlier."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.mutants import Mutant, hunt, idle, known, selected
from lazymmu.session.selection import Selection
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import LazymmuError

from tests.unit.examples import library
from tests.unit.rows import each_row

SOURCE = (
    '#define MERGED\t\t"merged with-ptes"\n'
    '\tM(ONE, "a disable does nothing", MERGED, "all",\n\t       .op = nothing),\n'
    '\tM(TWO, "a range is lost",\n\t       "all", "s390x", .range = nothing),\n'
)


EVERY = {"arm64", "s390x", "x86_64"}


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
    assert len(mutants) >= 139
    assert {api for mutant in mutants for api in mutant.apis} == set(REVISIONS)
    assert {mutant.arches for mutant in mutants} >= {(personality,) for personality in PERSONALITIES}


@each_row(
    ("arches", "others"),
    [
        ((), {"ppc64": {"arm64"}, "radix": {"s390x"}, "xen": {"x86_64"}}),
        (("s390x",), {name: {"s390x"} for name in {*PERSONALITIES} - {"s390x"}}),
    ],
)
def test_each_guest_has_its_own_personality_and_they_share_the_others(
    arches: tuple[str, ...], others: dict[str, set[str]]
) -> None:
    units = selected(library(), Selection(arches=arches, apis=("merged",)))
    where: dict[str, set[str]] = {}
    for unit in units:
        where.setdefault(unit.personality, set()).add(unit.arch)
    assert where == {arch: {arch} for arch in arches or EVERY} | others
    assert [unit.index for unit in units] == [*range(len(units))]


class Guests:
    """Fails the units of some scenarios on some architectures."""

    def __init__(self, killers: dict[str, set[str]]) -> None:
        self.killers = killers
        self.ran: list[Unit] = []

    def __call__(self, mutant: Mutant, units: Sequence[Unit], common: str) -> list[Result]:
        del mutant
        killed: set[str] = set()
        results = []
        for unit in units:
            if not common or getattr(unit, common) not in killed:
                kills = unit.arch in self.killers.get(unit.scenario.name, ())
                killed |= {getattr(unit, common)} if kills and common else set()
                self.ran.append(unit)
                results.append(Result.of(unit, Outcome.FAIL if kills else Outcome.PASS))
        return results


MUTANT = Mutant("RANGE_ENDS", "a range ends early", ("merged",), ("arm64", "s390x"))


@cache
def merged() -> list[Unit]:
    """Return the library's units under one revision."""
    return selected(library(), Selection(apis=("merged",)))


def test_a_mutant_that_survives_has_run_all_that_it_concerns_and_nothing_twice() -> None:
    guests = Guests({})
    trial = hunt(MUTANT, merged(), guests, full=False)
    concerned = [unit for unit in merged() if unit.personality in ("arm64", "s390x")]
    assert len(guests.ran) == len(concerned) == len(trial.tried)
    assert trial.killers == {}


def test_a_hunt_ends_on_an_architecture_with_the_first_failure_unless_it_is_full() -> None:
    killers = {unit.scenario.name: EVERY for unit in merged()}
    full = hunt(MUTANT, merged(), Guests(killers), full=True)
    assert set(full.killers) == {unit.scenario.name for unit in merged() if MUTANT.concerns(unit)}
    assert len(full.tried) > 100
    short = hunt(MUTANT, merged(), Guests(killers), full=False)
    assert sorted(arch for arches in short.killers.values() for arch in arches) == ["arm64", "s390x"]


def test_scenarios_with_the_words_of_a_mutant_that_few_others_have_run_first() -> None:
    guests = Guests({})
    hunt(Mutant("QUEUE", "the queue holds 32 updates", ("merged",), ("xen",)), merged(), guests, full=False)
    assert guests.ran[0].scenario.name == "batching/xen-31-32"


def test_units_of_a_personality_that_no_guest_has_run_last() -> None:
    guests = Guests({})
    hunt(Mutant("XEN", "xen issues its queue", ("merged",), ("arm64", "xen")), merged(), guests, full=False)
    ran = [unit.personality for unit in guests.ran]
    assert ran == sorted(ran)


def test_a_scenario_that_noticed_nothing_yet_runs_against_every_mutant() -> None:
    another = Mutant("ANOTHER", "something else", ("merged",), ("arm64",))
    units = [unit for unit in merged() if unit.personality == "arm64"]
    killing = {unit.scenario.name for unit in units} - {"nesting/single"}
    trials = [hunt(MUTANT, units, Guests({}), full=False), hunt(another, [], Guests({}), full=False)]
    guests = Guests(dict.fromkeys(killing, EVERY))
    assert idle(units, trials, guests) == ["nesting/single"]
    # Of each scenario, the first unit that notices a mutant is enough.
    assert len(guests.ran) == len({unit.scenario for unit in guests.ran}) < len(units)


def test_an_unknown_mutant_is_refused_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--mutant", "NESTED_DISABLE_NO_FLUHS"]) == 2
    assert "did you mean `NESTED_DISABLE_NO_FLUSH`?" in capsys.readouterr().err
