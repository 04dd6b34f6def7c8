# SPDX-License-Identifier: GPL-2.0-only
"""The command `merge`: joins the results folders of all shards of a run into the folder of the whole run.

Only these folders are read, not the scenarios or sources. Results pass through one at a time, in the order of their
numbers among all that was selected.
"""

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from lazymmu.reports import results_folder
from lazymmu.reports.destination import targets
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.results_folder import Folder
from lazymmu.results import known_issues, store
from lazymmu.results.known_issues import CheckedIssue, KnownIssue
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.session import requests, unreached
from lazymmu.session.ending import exit_status, report
from lazymmu.session.shards import matrix, shard, shard_folder
from lazymmu.session.shards.joining import join, rank
from lazymmu.session.shards.shard_folder import OF_GROUP, OWN, Shard
from lazymmu.support.errors import LazymmuError, Place, UsageError
from lazymmu.support.interrupts import Interrupts


def merge(arguments: Namespace) -> int:
    """Join the folders. Returns the exit status of the whole run. Raises UsageError, by name, if they do not fit."""
    shards = sorted(
        map(shard_folder.read, arguments.shards), key=lambda one: (rank(*one.group), shard.numbers(one.part["shard"]))
    )
    groups = [list(some) for _, some in groupby(shards, key=lambda one: one.group)]
    shard_folder.check(groups, () if arguments.matrix is None else matrix.read(arguments.matrix))
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
            documents = join(groups, results)
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
        "command": _command(shards),
        "arguments": {**first["arguments"], **dict.fromkeys(OWN), **_of_groups(shards)},
        **{
            key: {name: value for one in shards for name, value in one.facts.get(key, {}).items()}
            for key in ("scenarios", "scenario_digests")
        },
        "merged": merged,
    }
    facts = {**facts, **versions([one.facts for one in shards])}
    if texts := [one.facts["text"] for one in shards if "text" in one.facts]:
        facts["text"] = _text(texts)
    if patches := [one.facts["patch_applied"] for one in shards if "patch_applied" in one.facts]:
        facts["patch_applied"] = _patch(patches)
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


def _of_groups(shards: Sequence[Shard]) -> dict[str, Any]:
    """Return the values of the arguments in which groups differ: those of all, in their order."""
    found = {}
    for name, *named in zip(OF_GROUP, *(one.group for one in shards), strict=True):
        if len({*named}) > 1:
            # Without a name there are all of them, or the default one.
            found[name] = list(dict.fromkeys(value for some in named for value in some)) if all(named) else []
    return found


def _command(shards: Sequence[Shard]) -> list[str]:
    """Return the command line of the whole run."""
    own = _of_groups(shards)
    dropped = {f"--{name}" for name in ("shard", *own)}
    words = shards[0].facts["command"]
    kept = [
        word
        for word, before in zip(words, ["", *words], strict=False)
        if before not in dropped and word.partition("=")[0] not in dropped
    ]
    return [*kept, *(word for name, named in own.items() for one in named for word in (f"--{name}", one))]


def _patch(patches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all groups say of --patch: what any of them compiled natively, and what none tests."""
    native = [one for patch in patches for one in patch["native"]]
    notes = [note for patch in patches for note in patch["notes"]]
    return {
        **patches[0],
        "native": [one for number, one in enumerate(native) if one not in native[:number]],
        "not_tested": [name for name in patches[0]["not_tested"] if all(name in one["not_tested"] for one in patches)],
        "notes": list(dict.fromkeys(notes)),
    }


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
