# SPDX-License-Identifier: GPL-2.0-only
"""`--shard I/N`: one of N parts of the selected units, always the same for the same arguments.

A shard is a piece of the units in the order of their machines, so that it needs the guests of few machines. Without
an earlier run's seconds, what a case costs depends on its architecture. All
repetitions of a unit are in the same shard, because an entry of --known counts them together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import msgspec

from lazymmu.architecture import architectures
from lazymmu.reports.compare import read
from lazymmu.results.result import SavedUnit, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session.listed import label
from lazymmu.support.errors import Place


def numbers(shard: str) -> tuple[int, int]:
    """Return the number of a shard, from 1, and of how many it is one."""
    index, _, count = shard.partition("/")
    return int(index), int(count)


def of(units: Sequence[Unit], shard: str, timings: str | None) -> tuple[Unit, ...]:
    """Return the units of one shard, with the numbers that they have among all.

    `timings` is a results folder or JSON document: shards then take about the same time by its seconds. What it does
    not have counts as the mean of its machine, or of all. Raises UsageError if it holds no results.
    """
    index, count = numbers(shard)
    machines = {machine: number for number, machine in enumerate(dict.fromkeys(unit.machine for unit in units))}
    groups: defaultdict[tuple[int, str], list[Unit]] = defaultdict(list)
    for unit in units:
        groups[machines[unit.machine], label(unit)].append(unit)
    ordered = [groups[key] for key in sorted(groups, key=lambda key: key[0])]
    weights = _weights([group[0] for group in ordered], {} if timings is None else _seconds(timings))
    total, before = sum(weights), 0.0
    mine = []
    for group, weight in zip(ordered, weights, strict=True):
        # The shard in which the middle of this group is.
        if min(int((before + weight / 2) * count / total), count - 1) == index - 1:
            mine += group
        before += weight
    return tuple(sorted(mine, key=lambda unit: unit.index))


def _seconds(timings: str) -> dict[str, tuple[str, float]]:
    """Return label -> machine and seconds, of the last repetition."""
    return {one.label(): (one.machine, one.seconds) for one in read(timings).results if one.seconds > 0}


def _weights(units: Sequence[Unit], seconds: Mapping[str, tuple[str, float]]) -> list[float]:
    """Return how much each unit costs, in any measure."""
    if not seconds:
        return [architectures()[unit.arch].case_cost for unit in units]
    of_machine: defaultdict[str, list[float]] = defaultdict(list)
    for machine, one in seconds.values():
        of_machine[machine].append(one)
    usual = fmean(one for _, one in seconds.values())
    means = {machine: fmean(some) for machine, some in of_machine.items()}
    return [seconds[name][1] if (name := label(unit)) in seconds else means.get(unit.machine, usual) for unit in units]


def facts(units: Sequence[Unit], results: ResultStore, compared: Mapping[str, Sequence[Place]]) -> dict[str, Any]:
    """Return what `lazymmu merge` needs of a shard beside its results."""
    not_compared = {name: [list(place) for place in places] for name, places in compared.items()}
    not_run = msgspec.to_builtins([SavedUnit.of(unit) for unit in units if unit.index not in results])
    return {"not_compared": not_compared, "not_run": not_run}
