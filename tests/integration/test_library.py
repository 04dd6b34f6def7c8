# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of the library says what it catches, and what its author pinned holds in the model."""

from collections.abc import Callable, Iterator
from itertools import chain, islice, product

import pytest
from lazymmu.results.result import Unit
from lazymmu.scenario.reach import every_run, unreached
from lazymmu.session.selection import Selection, units
from lazymmu.session.verdict import pins
from lazymmu.subject.case import Scenario
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.simulator import predict

from tests.unit.examples import library


def test_every_scenario_names_the_mistake_it_catches_and_has_tags() -> None:
    for scenario in library():
        assert "Catches" in scenario.description, f"{scenario.path}: `description` lacks a sentence `Catches ...`"
        assert scenario.tags, f"{scenario.path}: no `tags`"


def every_unit(scenario: Scenario) -> Iterator[Unit]:
    """Yield a unit for each case, revision and personality: what a guest shows depends on nothing else."""
    for number, api, personality in product(range(len(scenario.cases)), scenario.apis, scenario.personalities):
        yield Unit(scenario, number, api, scenario.guests[0], given_personality=personality)


def test_every_pin_holds_in_the_model(everyday_or_all: Callable[[int, int], int]) -> None:
    wrong = []
    # 7 has no factor in common with the numbers of revisions and personalities, so that they take turns.
    for unit in islice(chain.from_iterable(map(every_unit, library())), 0, None, everyday_or_all(7, 1)):
        case = unit.case
        broken = pins(unit, case, predict(case, unit.api, unit.personality), "the model says")
        wrong += [f"{difference} ({unit.api} as {unit.personality})" for difference in broken]
    if wrong:
        hint = "If the model is right, pin its value for that revision or personality, as `expect: {NAME: {...}}`."
        pytest.fail("\n".join([*wrong, hint]), pytrace=False)


def test_every_pin_is_compared_somewhere() -> None:
    assert [str(place) for scenario in library() for place in unreached(scenario, every_run(scenario))] == []


def test_every_scenario_pins_something_of_its_own() -> None:
    for scenario in library():
        assert any(case.expect or any(step.check for step in case.walk()) for case in scenario.cases), scenario.path


def test_the_default_run_has_every_personality() -> None:
    assert {unit.personality for unit in units(library(), Selection())} == {*PERSONALITIES}
