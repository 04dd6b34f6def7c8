# SPDX-License-Identifier: GPL-2.0-only
"""`--repeat` and `--shuffle`: what runs how often, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from lazymmu.results.result import Unit
from lazymmu.session.scheduler import repeated, shuffled

from tests.unit import runs


@pytest.fixture
def units(tmp_path: Path) -> tuple[Unit, ...]:
    return runs.selected(tmp_path)


def test_once_is_no_repetition(units: tuple[Unit, ...]) -> None:
    assert repeated(units, 1) == units
    assert all(unit.repetition is None for unit in units)


def test_repetitions_stand_side_by_side_with_their_numbers(units: tuple[Unit, ...]) -> None:
    thrice = repeated(units, 3)
    assert [unit.repetition for unit in thrice] == [1, 2, 3] * runs.SIZE
    assert thrice[4].label() == "nesting/deep[depth=1] merged on s390x, repetition 2"


def test_a_seed_gives_an_order_and_another_seed_another(units: tuple[Unit, ...]) -> None:
    many = repeated(units, 10)
    assert shuffled(many, 1) == shuffled(many[::-1], 1)
    assert len({tuple(unit.label() for unit in shuffled(many, seed)) for seed in range(50)}) == 50
    assert sorted(unit.label() for unit in shuffled(many, 1)) == sorted(unit.label() for unit in many)
    # The same order on every machine and with every Python: this is what a person notes down.
    assert [unit.label() for unit in shuffled(units, 7)][:2] == [
        "nesting/deep[depth=2] merged on s390x",
        "nesting/deep[depth=1] merged on arm64",
    ]


def test_what_is_left_of_a_selection_keeps_its_order(units: tuple[Unit, ...]) -> None:
    fewer = [unit for unit in units if unit.arch == "arm64"][1:]
    left = [unit for unit in shuffled(units, 7) if unit in fewer]
    assert list(shuffled(fewer, 7)) == left
