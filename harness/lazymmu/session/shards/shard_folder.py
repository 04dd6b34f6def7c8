# SPDX-License-Identifier: GPL-2.0-only
"""Reads the results folders of shards, and checks that they are all those of one run.

The jobs of a matrix have their own --arch and --kernel. Those that have the same are a group, which has all its shards.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge as merged_in_order
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import DEFAULT_KERNEL
from lazymmu.reports import results_folder
from lazymmu.reports.formats.json import FIRST_LINE
from lazymmu.results.result import Result, SavedUnit
from lazymmu.session.shards import shard
from lazymmu.session.shards.matrix import Job
from lazymmu.support.errors import UsageError

#: Arguments in which shards differ, and those in which groups do.
OWN, OF_GROUP = ("shard", "timings"), ("arch", "kernel")
#: Facts that must be equal, and what they are called.
_EQUAL = {"commit": "the commit of lazymmu", "qemu": "QEMU", "patch_applied": "what --patch changes"}
_DECODER, _ENCODER = msgspec.json.Decoder(Result), msgspec.json.Encoder()
#: A unit of a shard with its result and the line of that, or a unit that was not run.
Found = SavedUnit | tuple[Result, bytes]


class Shard(Struct, frozen=True):
    """The results folder of one shard."""

    #: As messages show it.
    name: str
    facts: Mapping[str, Any]
    path: Path

    @property
    def part(self) -> Mapping[str, Any]:
        """What only a shard has."""
        found: Mapping[str, Any] = self.facts["shard"]
        return found

    @property
    def group(self) -> tuple[tuple[str, ...], ...]:
        """The architectures and the kernels that its command names."""
        return tuple(tuple(dict.fromkeys(self.facts["arguments"].get(name) or ())) for name in OF_GROUP)

    @property
    def machines(self) -> tuple[tuple[str, ...], ...]:
        """The architectures and the kernels on which it runs; the first is empty if it is every one."""
        arches, kernels = self.group
        return arches, kernels or (DEFAULT_KERNEL,)

    @property
    def title(self) -> str:
        """Its number among how many, and the group."""
        names = " ".join(",".join(some) for some in self.group if some)
        return f"shard {self.part['shard']}{f' of {names}' if names else ''}"

    @property
    def seconds(self) -> float:
        """How long it ran."""
        begin, end = (datetime.fromisoformat(self.facts[key]) for key in ("started", "finished"))
        return (end - begin).total_seconds()


def read(name: str) -> Shard:
    """Return the folder of a shard. Raises UsageError for any other."""
    facts = results_folder.ended(name, f"`{name}`")
    if not isinstance(facts.get("shard"), dict):
        raise UsageError(f"`{name}` is not of a run with --shard")
    return Shard(name, facts, Path(name))


def check(groups: Sequence[Sequence[Shard]], jobs: Sequence[Job]) -> None:
    """Raise UsageError if these are not all shards of one run, or if one of these jobs left none."""
    there = {group[0].machines for group in groups}
    missing = [title for group in groups for title in _missing(group)]
    # A group says itself what it lacks.
    lost = [job for job in jobs if ((job["arch"],), (job["kernel"],)) not in there]
    missing += [f"shard {job['shard']} of {job['arch']} {job['kernel']}" for job in lost]
    if missing:
        raise UsageError(f"{', '.join(missing)} {'is' if missing[1:] == [] else 'are'} missing")
    kernels: dict[str, tuple[Shard, Any]] = {}
    machines: dict[str, Shard] = {}
    first = groups[0][0]
    for one in (one for group in groups for one in group):
        if changes := [*_changes(first, one)]:
            lines = "".join(f"\n    {change}" for change in changes)
            raise UsageError(f"`{first.name}` and `{one.name}` are not of the same run; these differ:{lines}")
        for machine in one.facts.get("kernels", {}):
            if (other := machines.setdefault(machine, one)).group != one.group:
                raise UsageError(f"{machine} is in `{other.name}` and in `{one.name}`")
        check_kernels(kernels, one)


def _missing(group: Sequence[Shard]) -> Iterator[str]:
    """Yield what is missing of a group. Raises UsageError if it has a shard twice or of another run."""
    first = group[0]
    count = shard.numbers(first.part["shard"])[1]
    there: dict[int, Shard] = {}
    for one in group:
        index, of = shard.numbers(one.part["shard"])
        if of != count:
            raise UsageError(f"`{first.name}` is {first.title}, and `{one.name}` is {one.title}: of another run")
        if there.setdefault(index, one) is not one:
            raise UsageError(f"{one.title} is there twice: `{there[index].name}` and `{one.name}`")
    own = first.part["shard"]
    yield from (first.title.replace(own, f"{index}/{count}") for index in range(1, count + 1) if index not in there)


def check_kernels(kernels: dict[str, tuple[Shard, Any]], one: Shard) -> None:
    """Add the kernels of a shard to machine -> the first shard that has it, and its kernel. Raises UsageError."""
    for machine, kernel in one.facts.get("kernels", {}).items():
        other, before = kernels.setdefault(machine, (one, kernel))
        if before != kernel:
            said = " and ".join(f"{it['release']} {it['version']}" for it in (before, kernel))
            raise UsageError(f"`{other.name}` and `{one.name}` had different kernels of {machine}: {said}")


def other_facts(first: Shard, other: Shard, keys: Iterable[str] = _EQUAL) -> Iterator[str]:
    """Yield which facts of these keys differ and must not."""
    for key in keys:
        values = [one.facts.get(key) for one in (first, other)]
        if None not in values and values[0] != values[1]:
            yield _EQUAL[key] + ("" if key == "patch_applied" else f": {values[0]} and {values[1]}")


def _changes(first: Shard, other: Shard) -> Iterator[str]:
    """Yield what differs and must not."""
    same_group = first.group == other.group
    # What is compiled natively depends on the machine.
    yield from other_facts(first, other, [key for key in _EQUAL if same_group or key != "patch_applied"])
    left_out = (*OWN, *OF_GROUP)
    for kind, of in (("argument --", "arguments"), ("source ", "sources")):
        one, two = first.facts[of], other.facts[of]
        for key in sorted({*one, *two} - {*left_out}):
            if one.get(key) != two.get(key):
                shown = f"{key.replace('_', '-')}: {one.get(key)} and {two.get(key)}" if of == "arguments" else key
                yield f"the {kind}{shown}"
    before, after = first.part["scenarios"], other.part["scenarios"]
    # Not every scenario is about every architecture.
    names = {*before, *after} if same_group else {*before} & {*after}
    yield from (f"scenario {name}" for name in sorted(names) if before.get(name) != after.get(name))


def units(one: Shard, rests: list[Mapping[str, Any]]) -> Iterator[tuple[int, Shard, Found]]:
    """Yield the units of a shard by their numbers, in order; add the rest of its document to `rests`."""
    not_run = msgspec.convert(one.part["not_run"], tuple[SavedUnit, ...])
    numbered: list[Iterable[tuple[int, Found]]] = [
        ((found[0].number, found) for found in read_results(one, rests)),
        [(unit.index, unit) for unit in not_run],
    ]
    yield from ((number, one, found) for number, found in merged_in_order(*numbered, key=itemgetter(0)))


def read_results(one: Shard, rests: list[Mapping[str, Any]]) -> Iterator[tuple[Result, bytes]]:
    """Yield the results of a shard with their lines, in order; add the rest of its document to `rests`.

    Raises UsageError if it is damaged.
    """
    path = one.path / results_folder.RESULTS
    arguments = one.facts["arguments"]
    # In the order of a shard, other cases come before it than in the order of the whole run.
    own = {name: arguments.get(name) for name in (*OF_GROUP, *OWN)} if arguments.get("shuffle") is not None else {}
    count = 0
    with path.open("rb") as file:
        if (line := file.readline()).decode("utf-8", "replace") != FIRST_LINE:
            raise UsageError(
                f"{path}:1: not the results of a run of this schema: {line[:40].decode('utf-8', 'replace')}"
            )
        for number, line in enumerate(file, 2):
            if line.startswith(b"],"):
                try:
                    rest = json.loads(b"{" + line.removeprefix(b"],"))
                except ValueError:
                    break
                if sum(rest["summary"].values()) != count:
                    raise UsageError(f"{path}: damaged: {count} results, and its summary has others")
                rests.append(rest)
                return
            text = line.rstrip(b"\n").removesuffix(b",")
            try:
                result = _DECODER.decode(text)
            except (msgspec.DecodeError, RecursionError) as error:
                raise UsageError(f"{path}:{number}: truncated or damaged: {error}") from None
            count += 1
            if own:
                result = replace(result, shard=own)
                text = _ENCODER.encode(result)
            yield result, text
    raise UsageError(f"{path}: truncated")
