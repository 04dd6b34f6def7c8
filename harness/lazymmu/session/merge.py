# SPDX-License-Identifier: GPL-2.0-only
"""The command `merge`: joins the results folders of all shards of a run into the folder of the whole run.

It reads only these folders, not the scenarios or sources. Results pass through one at a time, in the order of their
numbers among all that was selected.
"""

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from heapq import merge as merged_in_order
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from lazymmu.reports import results_folder
from lazymmu.reports.destination import targets
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.formats.json import FIRST_LINE
from lazymmu.reports.results_folder import Folder
from lazymmu.results import known_issues, store
from lazymmu.results.known_issues import CheckedIssue, KnownIssue
from lazymmu.results.result import Result, SavedUnit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.session import requests, shard, unreached
from lazymmu.session.run import exit_status, report
from lazymmu.support.errors import LazymmuError, Place, UsageError
from lazymmu.support.interrupts import Interrupts

#: Arguments in which shards differ.
_OWN = ("shard", "timings")
#: Facts that must be equal, and what they are called.
_EQUAL = {"commit": "the commit of lazymmu", "qemu": "QEMU", "patch_applied": "what --patch changes"}
_DECODER = msgspec.json.Decoder(Result)


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
    def title(self) -> str:
        """Its number among how many."""
        return f"shard {self.part['shard']}"

    @property
    def seconds(self) -> float:
        """How long it ran."""
        begin, end = (datetime.fromisoformat(self.facts[key]) for key in ("started", "finished"))
        return (end - begin).total_seconds()


def merge(arguments: Namespace) -> int:
    """Join the folders. Returns the exit status of the whole run. Raises UsageError, by name, if they do not fit."""
    shards = sorted(map(_read, arguments.shards), key=lambda one: shard.numbers(one.part["shard"]))
    _check(shards)
    out = Path(arguments.out_folder)
    if inside := [one.name for one in shards if one.path.resolve() == out.resolve()]:
        raise UsageError(f"`{inside[0]}` is one of the shards: the results of all need a folder of their own")
    goals = targets({form.FLAG: vars(arguments)[name] for name, form in FORMATS.items()})
    started = min(datetime.fromisoformat(one.facts["started"]) for one in shards)
    paths = {name: path for one in shards for name, path in one.part["paths"].items()}
    with (
        results_folder.opened(str(out), started) as folder,
        store.opened(folder.results, (), trace=True, paths=paths) as results,
        Interrupts.noted() as interrupts,
    ):
        try:
            documents = _join(shards, results)
        except UsageError:
            folder.discard()
            raise
        facts = _facts(shards, folder)
        summary = _summary(shards, results, facts, documents, started)
        status = exit_status(
            results.counts(),
            no_skip=facts["arguments"]["no_skip"],
            broken_entries=bool(summary.broken_entries()),
        )
        if status != 1 and (summary.stopped or any(one.facts["status"] not in (0, 1, 2) for one in shards)):
            status = LazymmuError.exit_status
        return report(
            status,
            folder,
            summary,
            targets=goals,
            terminal=requests.human(arguments),
            interrupts=interrupts,
            quiet=arguments.quiet,
        )


def _read(name: str) -> Shard:
    facts = results_folder.ended(name, f"`{name}`")
    if not isinstance(facts.get("shard"), dict):
        raise UsageError(f"`{name}` is not of a run with --shard")
    return Shard(name, facts, Path(name))


def _check(shards: Sequence[Shard]) -> None:
    """Raise UsageError if these are not all shards of one run."""
    first, *others = shards
    count = shard.numbers(first.part["shard"])[1]
    there: dict[int, Shard] = {}
    for one in shards:
        index, of = shard.numbers(one.part["shard"])
        if of != count:
            raise UsageError(f"`{first.name}` is {first.title}, and `{one.name}` is {one.title}: of another run")
        if there.setdefault(index, one) is not one:
            raise UsageError(f"{one.title} is there twice: `{there[index].name}` and `{one.name}`")
    if missing := [f"{index}/{count}" for index in range(1, count + 1) if index not in there]:
        raise UsageError(
            f"shard {', '.join(missing)} is missing"
            if missing[1:] == []
            else f"shards {', '.join(missing)} are missing"
        )
    kernels: dict[str, tuple[Shard, Any]] = {}
    for one in others:
        if changes := [*_changes(first, one)]:
            lines = "".join(f"\n    {change}" for change in changes)
            raise UsageError(f"`{first.name}` and `{one.name}` are not of the same run; these differ:{lines}")
    for one in shards:
        check_kernels(kernels, one)


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
    yield from other_facts(first, other)
    for kind, of in (("argument --", "arguments"), ("source ", "sources")):
        one, two = first.facts[of], other.facts[of]
        for key in sorted({*one, *two} - {*_OWN}):
            if one.get(key) != two.get(key):
                shown = f"{key.replace('_', '-')}: {one.get(key)} and {two.get(key)}" if of == "arguments" else key
                yield f"the {kind}{shown}"
    before, after = first.part["scenarios"], other.part["scenarios"]
    yield from (f"scenario {name}" for name in sorted({*before, *after}) if before.get(name) != after.get(name))


def _join(shards: Sequence[Shard], results: ResultStore) -> list[Mapping[str, Any]]:
    """Add all results and units. Returns the rest of each shard's document."""
    rests: list[Mapping[str, Any]] = []
    streams = [_units(one, rests) for one in shards]
    selected = shards[0].part["selected"]
    before: Shard | None = None
    next_number = 0
    for number, one, found in merged_in_order(*streams, key=itemgetter(0)):
        if before is not None and number == next_number - 1:
            label = (found if isinstance(found, SavedUnit) else found[0]).label()
            raise UsageError(f"{label} is in `{before.name}` and in `{one.name}`")
        if number != next_number:
            break
        next_number += 1
        before = one
        if isinstance(found, SavedUnit):
            results.add_unit(found)
        else:
            results.add_line(*found)
    if next_number != selected:
        hint = "shards with different --timings?"
        raise UsageError(f"case {next_number} of {selected} is in none of these folders", hint=hint)
    return rests


#: A unit of a shard with its result and the line of that, or a unit that was not run.
_Found = SavedUnit | tuple[Result, bytes]


def _units(one: Shard, rests: list[Mapping[str, Any]]) -> Iterator[tuple[int, Shard, _Found]]:
    """Yield the units of a shard by their numbers, in order; add the rest of its document to `rests`."""
    not_run = msgspec.convert(one.part["not_run"], tuple[SavedUnit, ...])
    numbered: list[Iterable[tuple[int, _Found]]] = [
        ((found[0].number, found) for found in read_results(one, rests)),
        [(unit.index, unit) for unit in not_run],
    ]
    yield from ((number, one, found) for number, found in merged_in_order(*numbered, key=itemgetter(0)))


def read_results(one: Shard, rests: list[Mapping[str, Any]]) -> Iterator[tuple[Result, bytes]]:
    """Yield the results of a shard with their lines, in order; add the rest of its document to `rests`.

    Raises UsageError if it is damaged.
    """
    path = one.path / results_folder.RESULTS
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
            yield result, text
    raise UsageError(f"{path}: truncated")


def _facts(shards: Sequence[Shard], folder: Folder) -> dict[str, Any]:
    """Return the contents of run.json, and copy the logs, scenarios and the patch of all shards."""
    first = shards[0].facts
    for number, one in enumerate(shards, 1):
        folder.copy(one.path, f"shard-{number}")
    merged = [
        {"folder": one.name, **{key: one.facts[key] for key in ("command", "host", "started", "finished", "status")}}
        for one in shards
    ]
    facts = {
        **{
            key: value
            for key, value in first.items()
            if key not in ("schema", "program", "shard", "stopped", "resumed", "reports")
        },
        "command": _without_shard(first["command"]),
        "arguments": {**first["arguments"], **dict.fromkeys(_OWN)},
        "scenarios": {name: copy for one in shards for name, copy in one.facts.get("scenarios", {}).items()},
        "merged": merged,
    }
    facts = {**facts, **versions([one.facts for one in shards])}
    if texts := [one.facts["text"] for one in shards if "text" in one.facts]:
        facts["text"] = _text(texts)
    folder.record(facts)
    return facts


def versions(shards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all shards were run with, by their run.json."""
    found: dict[str, Any] = {
        "kernels": {name: kernel for one in shards for name, kernel in one.get("kernels", {}).items()}
    }
    for one in shards:
        # Of the first that has them: a shard may be empty.
        found = {**{key: one[key] for key in ("qemu", "sandbox") if key in one}, **found}
    return found


def _without_shard(words: Sequence[str]) -> list[str]:
    """Return a command line without --shard."""
    pairs = zip(words, ["", *words], strict=False)
    return [word for word, before in pairs if before != "--shard" and word.partition("=")[0] != "--shard"]


def _text(texts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all shards drove of a text, and what none did."""
    from lazymmu.header.text import API

    driven = {name for one in texts for name in one["driven"]}
    return {
        **texts[0],
        "driven": [*(name for name in API if name in driven), *sorted(driven - {*API})],
        "not_driven": [one for one in texts[0]["not_driven"] if one["function"] not in driven],
    }


def _summary(
    shards: Sequence[Shard],
    results: ResultStore,
    facts: Mapping[str, Any],
    documents: Sequence[Mapping[str, Any]],
    started: datetime,
) -> RunSummary:
    early = [f"{one.title}: {one.facts.get('stopped') or 'interrupted'}" for one in shards if one.part["not_run"]]
    entries = next((document["known"] for document in documents if "known" in document), None)
    return RunSummary(
        results=results,
        interrupted=bool(early),
        accelerators=accelerators([one.facts for one in shards], results.machines),
        started=started,
        seconds=max(one.seconds for one in shards),
        seed=facts["arguments"].get("shuffle"),
        known=None if entries is None else _known(entries, results, started.date()),
        facts=facts,
        notes=[*unreached.notes(_not_compared(shards))],
        stopped="; ".join(early),
    )


def accelerators(shards: Sequence[Mapping[str, Any]], machines: Iterable[str] = ()) -> dict[str, tuple[str, str]]:
    """Return machine -> its accelerators on all hosts, and why they were chosen; these machines first."""
    found: dict[str, dict[tuple[str, str], None]] = {machine: {} for machine in machines}
    for one in shards:
        for machine, it in one.get("accelerators", {}).items():
            found.setdefault(machine, {})[it["name"], it["reason"]] = None
    return {
        machine: (", ".join(dict.fromkeys(name for name, _ in some)), "; ".join(reason for _, reason in some))
        for machine, some in found.items()
        if some
    }


def _not_compared(shards: Sequence[Shard]) -> dict[str, list[Place]]:
    """Return scenario's name -> the places of its pins that no shard compares."""
    found: dict[str, set[Place]] = {}
    for one in shards:
        for name, places in one.part["not_compared"].items():
            here = {Place(*place) for place in places}
            found[name] = found.get(name, here) & here
    return {name: sorted(found[name]) for name in sorted(found)}


def _known(entries: Sequence[Mapping[str, Any]], results: ResultStore, day: date) -> list[CheckedIssue]:
    """Return what the whole run says of the entries of --known."""
    return [known_issues.checked(KnownIssue.from_json(entry), results, day) for entry in entries]
