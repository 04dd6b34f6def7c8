# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of the library says what it catches, and what its author pinned holds in the model."""

from __future__ import annotations

from collections.abc import Callable

from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.session.verdict import pins
from lazymmu.subject.case import Scenario
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip
from lazymmu.support.project import LIBRARY

from tests.unit.rows import each_row

SCENARIOS = load([], LIBRARY)


@each_row("scenario", SCENARIOS)
def test_a_scenario_names_the_mistake_it_catches_and_its_pins_hold(
    scenario: Scenario, everyday_or_all: Callable[[int, int], int]
) -> None:
    assert "Catches" in scenario.description
    assert scenario.tags
    # 5 has no factor in common with the number of architectures, so that they take turns.
    for unit in units([scenario], Selection(apis=("all",)))[:: everyday_or_all(5, 1)]:
        said = predict(unit.case, unit.api, unit.personality)
        assert isinstance(said, Skip) or pins(unit, said, "the model says") == []


def test_every_scenario_pins_something_of_its_own() -> None:
    for scenario in SCENARIOS:
        assert any(case.expect or any(step.check for step in case.walk()) for case in scenario.cases), scenario.name
