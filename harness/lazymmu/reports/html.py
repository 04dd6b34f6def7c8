# SPDX-License-Identifier: GPL-2.0-only
"""One page in HTML for a browser: scenarios by machines, and why what did not pass did not; it loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from msgspec import Struct

from lazymmu.reports.plain import counted, explanation, visible
from lazymmu.reports.styles import STYLES
from lazymmu.results.failure_groups import causes
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import Results

_TEMPLATE = "page.html.jinja"
_NOT_RUN = "not run"


class _Cell(Struct, frozen=True):
    """What became of one scenario's units in one column."""

    #: The worst outcome, `known` or `not run`.
    end: str
    text: str
    #: The number of the cause behind the first one that is no pass; None without one.
    cause: int | None


class _Cause(Struct, frozen=True):
    """Why some units did not pass."""

    number: int
    end: str
    #: The first unit, and the others of which the same is true.
    label: str
    others: Sequence[str]
    text: str


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        # Whatever a guest or a file says: nothing that a browser cannot show gets there.
        finalize=lambda value: visible(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE)


def pieces(run: Finished) -> Iterator[str]:
    """Return the page, in pieces: of a long run, one scenario or result at a time is in memory."""
    results = run.results
    columns = sorted({_column(unit) for unit in results.units})
    found = causes(results)
    numbers = {position: number for number, positions in enumerate(found, 1) for position in positions}
    page = _template().stream(
        counts=_ends(results.apart()),
        left=run.left(),
        facts=_facts(run),
        columns=columns,
        rows=_rows(results, columns, numbers),
        causes=(_cause(results, number, positions) for number, positions in enumerate(found, 1)),
        entries=run.known or (),
    )
    page.enable_buffering(100)
    return page


def _column(unit: Unit) -> tuple[str, str]:
    """Return what a unit's column is headed: what is under test, and the machine."""
    return unit.under_test(), unit.machine


def _ends(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the ends that there are, and how many of each; the worst comes first."""
    return [(end, counts[end]) for end in STYLES if counts[end]]


def _facts(run: Finished) -> Iterator[tuple[str, str]]:
    yield "started", run.started.isoformat(sep=" ", timespec="seconds")
    yield "took", f"{run.seconds:.1f} s"
    yield "kernels", ", ".join(run.releases()) or "none answered"
    for machine, (name, reason) in run.accelerators.items():
        yield machine, f"{name} ({reason})"
    if run.seed is not None:
        yield "shuffled", f"--shuffle {run.seed} gives this order again"


def _rows(
    results: Results, columns: Sequence[tuple[str, str]], causes: Mapping[int, int]
) -> Iterator[tuple[str, list[_Cell | None]]]:
    """Yield each scenario's name, and its cells; None where it has nothing to run."""

    def name(position: int) -> str:
        return results.units[position].scenario.name

    for scenario, group in groupby(range(len(results.units)), key=name):
        mine: dict[tuple[str, str], list[int]] = {}
        for position in group:
            mine.setdefault(_column(results.units[position]), []).append(position)
        yield scenario, [_cell(results, mine[one], causes) if one in mine else None for one in columns]


def _cell(results: Results, positions: Sequence[int], causes: Mapping[int, int]) -> _Cell:
    ends = dict(_ends(results.apart(position for position in positions if position in results)))
    missing = len(positions) - sum(ends.values())
    if missing:
        ends[_NOT_RUN] = missing
    (end, *_) = ends
    cause = next((causes[position] for position in positions if position in causes), None)
    return _Cell(end=end, text=end if len(positions) == 1 else counted(ends), cause=cause)


def _cause(results: Results, number: int, positions: Sequence[int]) -> _Cause:
    first = results[positions[0]]
    return _Cause(
        number=number,
        end="known" if first.known else str(first.outcome),
        label=first.unit.label(),
        others=[results.units[position].label() for position in positions[1:]],
        text="\n".join([*([f"known: {first.known}"] if first.known else []), *explanation(first)]),
    )
