# SPDX-License-Identifier: GPL-2.0-only
"""`--shard I/N`: each unit is in one shard, always in the same, and shards take about the same time."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.architecture import architectures
from lazymmu.results.result import Unit
from lazymmu.session.shards import shard
from msgspec.structs import replace

from tests.unit import runs


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


def parts(units: Sequence[Unit], count: int, timings: str | None = None) -> list[tuple[Unit, ...]]:
    return [shard.of(units, f"{index}/{count}", timings) for index in range(1, count + 1)]


@given(count=st.integers(1, 20), size=st.integers(1, runs.SIZE))
def test_each_unit_is_in_one_shard_with_its_number(units: tuple[Unit, ...], count: int, size: int) -> None:
    some = units[:size]
    found = parts(some, count)
    assert sorted((unit for part in found for unit in part), key=lambda unit: unit.index) == [*some]
    costs = [sum(architectures()[unit.arch].case_cost for unit in part) for part in found]
    assert max(costs) - min(costs) <= 2 * max(one.case_cost for one in architectures().values())
    assert found == parts(some, count)


def test_a_shard_needs_few_machines_and_keeps_the_order_of_units(units: tuple[Unit, ...]) -> None:
    found = parts(units, 2)
    # A case on s390x takes half as long again.
    assert [{unit.arch for unit in part} for part in found] == [{"arm64", "s390x"}, {"s390x"}]
    assert [unit.index for unit in found[0]] == [0, 1, 2, 4, 6]


def test_repetitions_of_a_unit_are_in_one_shard(units: tuple[Unit, ...]) -> None:
    thrice = runs.numbered(replace(unit, repetition=number) for unit in units for number in (1, 2, 3))
    for count in (2, 3, 5, 30):
        for part in parts(thrice, count):
            assert {*Counter(replace(unit, repetition=None).label() for unit in part).values()} <= {3}


def test_shards_take_the_same_time_by_the_seconds_of_an_earlier_run(units: tuple[Unit, ...], tmp_path: Path) -> None:
    seconds = [9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    run = runs.summary(units, [])
    results = [replace(one, seconds=took) for one, took in zip(run.results, seconds, strict=False)]
    (tmp_path / "run.json").write_text(json.dumps(runs.document(runs.changed(run, results))))
    found = parts(units, 2, str(tmp_path / "run.json"))
    # What has no time counts as the mean of its machine, 1 of s390x and 11/3 of arm64.
    assert [unit.index for unit in found[0]] == [0]
    assert [unit.index for unit in found[1]] == [1, 2, 3, 4, 5, 6, 7]
