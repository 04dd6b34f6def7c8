# SPDX-License-Identifier: GPL-2.0-only
"""Joins the results of shards: those of a group by their numbers, and groups in the order of a run on all machines."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import merge as merged_in_order
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue
from lazymmu.results.result import Result, SavedUnit
from lazymmu.results.store import ResultStore
from lazymmu.session.shards.shard_folder import Found, Shard, units
from lazymmu.subject.implementations import HEADER
from lazymmu.support.errors import UsageError


class _RawTraces(Result, frozen=True, kw_only=True, omit_defaults=True):
    """A result whose traces stay as its line has them."""

    observed: msgspec.Raw  # type: ignore[assignment]
    predicted: msgspec.Raw  # type: ignore[assignment]


_DECODER = msgspec.json.Decoder(_RawTraces)


def join(groups: Sequence[Sequence[Shard]], results: ResultStore) -> list[Mapping[str, Any]]:
    """Add all results and units. Returns the rest of each shard's document."""
    rests: list[Mapping[str, Any]] = []
    streams = [_whole(group, rests) for group in groups]
    found = streams[0] if len(groups) == 1 else _interleaved(streams, _scenario_ranks(groups))
    for one in found:
        if isinstance(one, SavedUnit):
            results.add_unit(one)
        else:
            results.add_line(*one)
    return rests


def _whole(group: Sequence[Shard], rests: list[Mapping[str, Any]]) -> Iterator[Found]:
    """Yield the units of a group in their order. Raises UsageError if one is there twice, or in no shard."""
    selected = group[0].part["selected"]
    before: Shard | None = None
    next_number = 0
    for number, one, found in merged_in_order(*(units(one, rests) for one in group), key=itemgetter(0)):
        if before is not None and number == next_number - 1:
            raise UsageError(f"{_unit(found).label()} is in `{before.name}` and in `{one.name}`")
        if number != next_number:
            break
        next_number += 1
        before = one
        yield found
    if next_number != selected:
        hint = "shards with different --timings?"
        names = ", ".join(f"`{one.name}`" for one in group)
        raise UsageError(f"case {next_number} of {selected} is in none of these folders: {names}", hint=hint)


def _unit(found: Found) -> SavedUnit | Result:
    return found if isinstance(found, SavedUnit) else found[0]


def _scenario_ranks(groups: Sequence[Sequence[Shard]]) -> dict[str, int]:
    """Return scenario's name -> its place in the whole run, in which each group has its scenarios in this order."""
    order: list[str] = []
    for names in sorted(([*group[0].part["scenarios"]] for group in groups), key=len, reverse=True):
        place, there, own = 0, {*order}, {*names}
        for name in names if own - there else ():
            if name in there:
                place = order.index(name, place) + 1
                continue
            while place < len(order) and order[place] not in own and order[place] < name:
                place += 1
            order.insert(place, name)
            place += 1
    return {name: rank for rank, name in enumerate(order)}


def _interleaved(streams: Iterable[Iterable[Found]], ranks: Mapping[str, int]) -> Iterator[Found]:
    """Yield the units of all groups in the order of `selection.units`, with their numbers in the whole run."""
    keyed = merged_in_order(*(_keyed(stream, ranks) for stream in streams), key=itemgetter(0))
    for number, (_, found) in enumerate(keyed):
        if isinstance(found, SavedUnit):
            yield replace(found, index=number)
        else:
            line = msgspec.json.encode(replace(_DECODER.decode(found[1]), number=number))
            yield replace(found[0], number=number), line


def _keyed(units: Iterable[Found], ranks: Mapping[str, int]) -> Iterator[tuple[Hashable, Found]]:
    """Yield each unit of a group with its place: scenario, case, revision, machine, and the others in their order."""
    scenario: object = None
    values: object = None
    revision: object = None
    case = place = 0
    machines: dict[tuple[str, str], object] = {}
    for number, found in enumerate(units):
        unit = _unit(found)
        if (unit.scenario_name, unit.values) != (scenario, values):
            # Every machine has all cases of a scenario, and all its revisions.
            case = 0 if unit.scenario_name != scenario else case + 1
            scenario, values, revision, place = unit.scenario_name, unit.values, None, -1
        if (under := (unit.api, unit.impl == HEADER)) != revision:
            revision, place = under, place + 1
        machine = unit.arch, unit.kernel
        if machine not in machines:
            machines[machine] = rank(*((name,) for name in machine))
        yield (ranks.get(unit.scenario_name, len(ranks)), case, place, machines[machine], number), found


def rank(arches: Iterable[str], kernels: Iterable[str]) -> tuple[list[int], list[int]]:
    """Return what orders machines as a run does."""
    found = []
    for names, known in ((arches, architectures()), (kernels, catalogue.kernels())):
        order = [*known]
        found.append([order.index(name) if name in order else len(order) for name in names])
    return found[0], found[1]
