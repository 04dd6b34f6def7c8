# SPDX-License-Identifier: GPL-2.0-only
"""A run ten times as large costs ten times as much at most, and no more memory; the program goes to a hundred times."""

from __future__ import annotations

import pytest

from tests.soak.growth import Cost, measure, wrong

_FLAGS = ("--arch", "arm64", "--api", "merged")


@pytest.mark.guest
@pytest.mark.exhaustive
def test_ten_times_the_cases_cost_ten_times_as_much_at_most() -> None:
    for _ in range(2):
        measure(150, _FLAGS)
    assert wrong([measure(150, _FLAGS), measure(1_500, _FLAGS)]) == []


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (Cost(1_500, 20.0, 90), []),
        (Cost(1_500, 20.1, 90), ["1500 cases took 10.1 times as long as 150"]),
        (Cost(1_500, 20.0, 101), ["1500 cases took 2.0 times the memory of 150"]),
    ],
)
def test_what_grows_more_than_it_may_is_told(cost: Cost, told: list[str]) -> None:
    assert wrong([Cost(150, 2.0, 50), cost]) == told
