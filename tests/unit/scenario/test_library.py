# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of the library says what it catches, and what its author pinned holds in the model."""

from collections.abc import Callable

import pytest
from lazymmu.session.selection import Selection, units
from lazymmu.session.verdict import pins
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip

from tests.unit.examples import library


def test_every_scenario_names_the_mistake_it_catches_and_has_tags() -> None:
    for scenario in library():
        assert "Catches" in scenario.description, f"{scenario.path}: `description` lacks a sentence `Catches ...`"
        assert scenario.tags, f"{scenario.path}: no `tags`"


def test_every_pin_holds_in_the_model(everyday_or_all: Callable[[int, int], int]) -> None:
    wrong = []
    for scenario in library():
        # 5 has no factor in common with the number of architectures, so that they take turns.
        for unit in units([scenario], Selection(apis=("all",)))[:: everyday_or_all(5, 1)]:
            said = predict(unit.case, unit.api, unit.personality)
            broken = [] if isinstance(said, Skip) else pins(unit, unit.case, said, "the model says")
            wrong += [f"{difference} ({unit.api} on {unit.arch}, {unit.personality})" for difference in broken]
    if wrong:
        hint = "If the model is right, pin its value for that revision or personality, as `expect: {NAME: {...}}`."
        pytest.fail("\n".join([*wrong, hint]), pytrace=False)


def test_every_scenario_pins_something_of_its_own() -> None:
    for scenario in library():
        assert any(case.expect or any(step.check for step in case.walk()) for case in scenario.cases), scenario.path
