# SPDX-License-Identifier: GPL-2.0-only
"""Results folders of a run and of its shards, for the tests of `merge`, made as a run makes them."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lazymmu.reports import results_folder
from lazymmu.reports.terminal import Terminal
from lazymmu.results import known_issues
from lazymmu.results.known_issues import KnownIssue
from lazymmu.results.result import Result, Unit
from lazymmu.session import listed, unreached
from lazymmu.session.ending import exit_status, report
from lazymmu.session.shards import shard
from lazymmu.support.interrupts import Interrupts
from msgspec.structs import replace

from tests.unit import runs

FACTS = {
    "command": ["lazymmu", "run", "given"],
    "commit": "0123",
    "started": "2026-11-22T12:00:00.000+00:00",
    "host": {"name": "one"},
    "arguments": {"scenarios": ["given"], "no_skip": False, "shard": None, "timings": None, "shuffle": None},
    "sources": {"guest/module": "01", "model": "02"},
    "qemu": "10.0",
    "kernels": {},
}


def folder(
    path: Path,
    units: Sequence[Unit],
    results: Iterable[Result],
    number: str | None = None,
    *,
    issues: Sequence[KnownIssue] | None = None,
    stopped: str = "",
    **changes: Any,
) -> str:
    """Write the results folder of a run of these units, or of one shard; return its path.

    `results` are those of all units; `changes` are of its facts. A run that was stopped lacks its last result.
    """
    mine = units if number is None else shard.of(units, number, None)
    kept = {unit.index for unit in (mine[:-1] if stopped else mine)}
    run = runs.summary(units, [])
    store = runs.store(mine, [one for one in results if one.number in kept])
    places = unreached.places(mine)
    arches = dict.fromkeys(unit.arch for unit in mine)
    facts: dict[str, Any] = {**FACTS, "kernels": {arch: {"release": "6.12", "version": arch} for arch in arches}}
    if number is not None:
        scenarios = list({unit.scenario.name: unit.scenario for unit in units}.values())
        own = {"shard": number, "selected": len(units), "scenarios": listed.digests(scenarios)}
        own["paths"] = {one.name: one.path for one in scenarios}
        facts["shard"] = {**own, **shard.facts(mine, store, places)}
        facts["command"] = [*facts["command"], "--shard", number]
        facts["arguments"] = {**facts["arguments"], "shard": number}
    facts = {
        key: {**value, **changes.pop(key, {})} if isinstance(value, dict) else value for key, value in facts.items()
    }
    known = None if issues is None else [known_issues.checked(one, store, run.started.date()) for one in issues]
    summary = replace(
        run,
        results=store,
        accelerators={arch: run.accelerators[arch] for arch in arches},
        facts={**facts, **changes},
        known=known,
        notes=[] if number else [*unreached.notes(places)],
        interrupted=bool(stopped),
        stopped=stopped,
    )
    status = exit_status(store.counts(), no_skip=False, broken_entries=bool(summary.broken_entries()))
    with results_folder.opened(str(path), run.started) as made, Interrupts.noted() as interrupts:
        (made.guests / "log").write_text(path.name)
        scenarios = list({unit.scenario.name: unit.scenario for unit in mine}.values())
        copies = {"scenarios": made.keep(scenarios), "scenario_digests": listed.digests(scenarios)}
        summary = replace(summary, facts={**summary.facts, **copies})
        terminal = Terminal(io.StringIO())
        report(3 if stopped else status, made, summary, targets={}, terminal=terminal, interrupts=interrupts)
    return str(path)
