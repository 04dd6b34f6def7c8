# SPDX-License-Identifier: GPL-2.0-only
"""What docs/how-to/many-machines.md says of many machines is what the simulation says."""

import pytest
from lazymmu.support.project import ROOT

from tests.simulated_machines import Costs, rows, simulate

_CASES, _MACHINES = 1_000_000, 1_000


def test_the_table_in_the_documents_is_the_simulation_s() -> None:
    page = (ROOT / "docs" / "how-to" / "many-machines.md").read_text()
    assert [row for row in rows(_CASES, 2, 0.05, 1) if row not in page] == []


def test_no_number_of_machines_is_faster_than_their_work() -> None:
    outcome = simulate(_MACHINES, _CASES, 2, 0, 1, Costs(deviation=0))
    shared = _CASES * Costs().case / 2 / _MACHINES
    assert outcome.lost == 0
    assert outcome.seconds > shared + _CASES * Costs().take_case


@pytest.mark.parametrize("seed", range(3))
def test_lost_machines_cost_time_and_no_case(seed: int) -> None:
    none, some = (simulate(100, _CASES, 2, losses, seed, Costs()) for losses in (0, 5))
    assert none.lost == 0
    assert some.lost > 0
    assert some.seconds > none.seconds
