# SPDX-License-Identifier: GPL-2.0-only
"""The command `history`: reads results folders into the index, and shows what their runs have in common."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lazymmu.architecture import chosen
from lazymmu.reports import history as reports
from lazymmu.reports.destination import json_text, targets
from lazymmu.reports.results_folder import bench_folder, default_root
from lazymmu.results.history import Case, History, Trend, history, trend
from lazymmu.results.result import SavedUnit
from lazymmu.scenario import selectors
from lazymmu.session import history_index, requests
from lazymmu.session.history_index import Bench, Scan
from lazymmu.support.errors import UsageError
from lazymmu.support.lists import some_of
from lazymmu.support.suggestions import suggestion

if TYPE_CHECKING:
    from sqlite3 import Connection

#: A message names so many scenarios.
_NAMED = 8


def show(arguments: Namespace) -> int:
    """Show the history of the named folders, or of the state folder. Returns 0. Raises UsageError."""
    goals = targets({"--json": arguments.json, "--html": arguments.html})
    terminal = requests.human(arguments)
    named = [Path(name).resolve() for name in arguments.folders]
    roots = named or [default_root().resolve(), bench_folder().resolve()]

    def use(index: Connection) -> tuple[Scan, int, History | None]:
        scan = history_index.update(index, roots)
        forgotten = history_index.forget(index, roots, scan) if arguments.forget else 0
        return scan, forgotten, None if scan.problems else _history(index, roots, arguments, scan)

    scan, forgotten, found = history_index.used(default_root().with_name(history_index.NAME), use, terminal.line)
    history_index.refuse(scan)
    assert found is not None  # noqa: S101  (there is no problem)
    for line, style in reports.lines(found, forgotten):
        terminal.line(line, style)
    if "--json" in goals:
        goals["--json"].write(json_text(msgspec.to_builtins(found)))
    if "--html" in goals:
        with goals["--html"].opened() as file:
            file.writelines(reports.page(found))
    return 0


def _history(index: Connection, roots: Sequence[Path], arguments: Namespace, scan: Scan) -> History:
    """Return the history of the runs that were found below these folders. Raises UsageError if nothing is selected."""
    saved = history_index.saved(index, roots)
    arches = chosen(arguments.arch) if arguments.arch else ()
    bench = [*_bench(saved.bench, arches)]
    empty = [name for name, root in zip(arguments.folders, roots, strict=False) if not history_index.has(index, root)]
    if empty or not (saved.runs or bench):
        place = (empty or arguments.folders or [default_root()])[0]
        raise UsageError(f"no results folder of a run that ended in `{place}`", hint="`run --out DIR` writes one")
    units = history_index.units(index)
    runs = [number for number, *_ in saved.runs]
    wanted = {number: unit for number, unit in units.items() if _is_meant(unit, arguments.case, arches)}
    samples = history_index.samples(index, runs, wanted)
    if not samples and (arguments.case or not bench):
        names = sorted({unit.scenario_name for unit in units.values()})
        words = " ".join([*arguments.case, *(f"--arch {name}" for name in arguments.arch)]) or "any case"
        close = suggestion(arguments.case[0], names) if arguments.case else ""
        raise UsageError(f"no result of {words} in these runs{close}", hint=f"there is: {some_of(names, _NAMED)}")
    cases = [Case(wanted[unit].label(), wanted[unit].machine, some) for unit, some in samples.items()]
    facts, paths = [facts for _, facts, _ in saved.runs], [path for *_, path in saved.runs]
    return history(facts, paths, cases, bench, unfinished=len(scan.unfinished))


def _is_meant(unit: SavedUnit, words: Sequence[str], arches: Sequence[str]) -> bool:
    pairs = map(selectors.split, words)
    meant = [selectors.matches(name, unit.scenario_name) and selectors.has(unit.values, of) for name, of in pairs]
    return (not words or any(meant)) and (not arches or unit.arch in arches)


def _bench(documents: Sequence[Bench], arches: Sequence[str]) -> Iterator[Trend]:
    """Yield the trend of each figure on each kind of host."""
    points = [
        ((figure.name, figure.arch, figure.unit, f"{one.host.cores} x {one.host.cpu}"), (one.time(), figure.median))
        for one in documents
        for figure in one.figures
        if not arches or figure.arch in arches
    ]
    for (name, arch, unit, host), some in groupby(sorted(points, key=lambda one: one[0]), key=lambda one: one[0]):
        yield trend("bench", f"{name}, {arch}, {host}", unit, [point for _, point in some])
