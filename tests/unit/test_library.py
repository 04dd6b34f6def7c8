# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of the library says what it catches, and what its author pinned holds in the model."""

from __future__ import annotations

import pytest

from harness.core.case import Scenario
from harness.core.project import LIBRARY
from harness.core.trace import Skip
from harness.model import predict
from harness.scenario import load
from harness.selection import Selection, units
from harness.verdict import pins

SCENARIOS = load([], LIBRARY)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_names_the_mistake_it_catches_and_its_pins_hold(scenario: Scenario) -> None:
    assert "Catches" in scenario.description
    assert scenario.tags
    for unit in units([scenario], Selection(apis=("all",))):
        said = predict(unit.case, unit.api, unit.personality)
        assert isinstance(said, Skip) or pins(unit, said, "the model says") == []


def test_every_scenario_pins_something_of_its_own() -> None:
    for scenario in SCENARIOS:
        assert any(case.expect or any(step.check for step in case.walk()) for case in scenario.cases), scenario.name


def test_every_topic_is_there() -> None:
    assert len(SCENARIOS) >= 20
    topics = {scenario.name.partition("/")[0] for scenario in SCENARIOS}
    assert {"nesting", "pause", "misuse", "wrap", "parameters", "interrupts"} <= topics
