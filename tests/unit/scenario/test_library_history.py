# SPDX-License-Identifier: GPL-2.0-only
"""The library has every historical bug of docs/semantics.md, section 3, each where its architecture shows it."""

from __future__ import annotations

import pytest
from lazymmu.scenario import load
from lazymmu.subject.case import Scenario
from lazymmu.support.project import LIBRARY

from tests.unit.examples import EVERYWHERE

HISTORY = load(["history"], LIBRARY)

#: What a description of each row names: the upstream commit, or the place where it stands in the kernel.
ROWS = (
    "26564600c9e8",
    "2cd1c8d4dc7e",
    "4f06b0436b2d",
    "1ef3095b1405",
    "Ryan Roberts' example",
    "b81c688426a9",
    "b9ef323ea168",
    "a1d416bf9faf",
    "fea18c686320",
    "c519c3c0a113",
    "4594437880ce",
    "f3cd4ab0aabf",
    "pagemap_scan_pmd_entry",
    "migrate_vma_collect_pmd",
    "Suspected in Linux 7.2 and 7.3 under Xen",
)

#: Rows that s390x shows only with a range.
WITH_A_RANGE = (
    "1ef3095b1405",
    "b81c688426a9",
    "c519c3c0a113",
    "f3cd4ab0aabf",
    "pagemap_scan_pmd_entry",
    "migrate_vma_collect_pmd",
)


def naming(row: str) -> list[Scenario]:
    return [scenario for scenario in HISTORY if row in " ".join(scenario.description.split())]


@pytest.mark.parametrize("row", ROWS)
def test_every_historical_bug_is_a_scenario_on_every_architecture(row: str) -> None:
    shown_on = {arch for scenario in naming(row) for arch in scenario.arches}
    assert shown_on == {*EVERYWHERE}


@pytest.mark.parametrize("row", WITH_A_RANGE)
def test_what_s390x_shows_only_with_a_range_has_a_scenario_with_one(row: str) -> None:
    operations = {step.op for scenario in naming(row) for case in scenario.cases for step in case.walk()}
    assert {"enable", "enable_with_ptes"} <= operations


@pytest.mark.parametrize("scenario", HISTORY, ids=lambda scenario: scenario.name)
def test_every_historical_scenario_belongs_to_a_row(scenario: Scenario) -> None:
    others = ("Xen's context switch", "The context switch")
    assert any(scenario in naming(row) for row in (*ROWS, *others))
