# SPDX-License-Identifier: GPL-2.0-only
"""Shows the history of many runs: as lines for a terminal, and as a page with plots and without scripts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from lazymmu.reports.pictures import plot
from lazymmu.reports.plain import counted, filled, first_line
from lazymmu.results.history import LETTERS, Failing, History, Trend
from lazymmu.support.lists import some_of

#: The terminal and the page name so many of each, and the page has so many rows of each and so many last runs.
_NAMED, _ROWS, _RUNS = 5, 100, 50
#: A plot needs so many values.
_LEAST = 3
_DRAWN = 24
_UNITS = {"times": "times the usual", "1/s": "per second"}
_HEADINGS = {
    "run": "Time of whole runs",
    "machine": "Time of cases by machine, in times of each case's median",
    "case": "Cases whose time changed on their own",
    "bench": "Figures of bench",
}
_KINDS = {"run": "the whole run", "machine": "all cases on", "case": "case", "bench": "bench"}


def when(time: datetime) -> str:
    """Return a time for a person, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _commit(name: str | None) -> str:
    return f" ({name[:12]}{'-dirty' if name.endswith('-dirty') else ''})" if name else ""


def _since(one: Failing) -> str:
    """Return since when a case fails, and what changed then."""
    if one.passed is None:
        return f"in all runs, since {when(one.since)}{_commit(one.since_commit)}"
    changed = f"; changed: {', '.join(one.changed)}" if one.changed else "; sources, scenario and kernel did not change"
    passed = f"passed on {when(one.passed)}{_commit(one.passed_commit)}"
    return f"since {when(one.since)}{_commit(one.since_commit)}; {passed}{changed}"


def groups(failing: Sequence[Failing]) -> dict[str, list[Failing]]:
    """Return the failing cases by since when they fail and whether that is known, the last first."""
    found: dict[str, list[Failing]] = {}
    for one in failing:
        found.setdefault(f"{_since(one)}{f'; known: {one.known}' if one.known else ''}", []).append(one)
    return found


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {_UNITS.get(unit, unit)}"


def _changed(one: Trend) -> str:
    if one.shift is None:
        return ""
    before, after = f"{one.shift.before:.3g}", _number(one.shift.after, one.unit)
    return f"{before} -> {after} since {when(one.shift.since)}"


def _heading(history: History) -> str:
    count = f"{len(history.runs)} run{'s' if len(history.runs) != 1 else ''}"
    period = f" from {when(history.runs[0].started)} to {when(history.runs[-1].started)}" if history.runs else ""
    not_ended = f"; {history.unfinished} more did not end" if history.unfinished else ""
    return f"{count}{period}, {history.cases} cases{not_ended}"


def lines(history: History, forgotten: int) -> Iterator[tuple[str, str]]:
    """Yield the lines for a terminal, and their styles."""
    yield _heading(history), "bold"
    if forgotten:
        yield f"{forgotten} forgotten", ""
    yield f"flaky: {len(history.flaky) or 'none'}", "bold yellow" if history.flaky else "bold"
    for flaky in history.flaky[:_NAMED]:
        yield f"    {flaky.unit}: did not pass in {flaky.failed} of {flaky.of}, last on {when(flaky.last_failed)}", ""
    yield from _more(len(history.flaky) - _NAMED)
    known = sum(bool(one.known) for one in history.failing)
    of_them = f", {known} of them known" if known else ""
    yield f"failing: {len(history.failing) or 'none'}{of_them}", "bold red" if history.failing else "bold"
    since = groups(history.failing)
    for text, some in [*since.items()][:_NAMED]:
        yield f"    {text}", ""
        yield f"        {some_of([one.unit for one in some], _NAMED)}", ""
        yield f"        {some[0].outcome}: {first_line(some[0].reason)}", "dim"
    yield from _more(len(since) - _NAMED)
    changed = [one for one in history.trends if one.shift]
    yield f"changes of time: {len(changed) or 'none that is clear'}", "bold"
    for trend in changed[:_NAMED]:
        yield f"    {_KINDS[trend.kind]} {trend.name}: {_changed(trend)}", ""
    yield from _more(len(changed) - _NAMED)


def _more(count: int) -> Iterator[tuple[str, str]]:
    if count > 0:
        yield f"    and {count} more: --html or --json has all", "dim"


def page(history: History) -> Iterator[str]:
    """Yield the parts of the page."""
    from markupsafe import Markup

    colours = {letter: kind.replace(" ", "-") for letter, kind in LETTERS.items()}
    kinds = [kind for kind in LETTERS.values() if kind != "not run"]
    drawn = sorted(history.trends, key=lambda one: (list(_KINDS).index(one.kind), one.shift is None))
    plots = {
        kind: [one for one in some if len(one.points) >= _LEAST][:_DRAWN]
        for kind, some in groupby(drawn, key=lambda one: one.kind)
    }
    yield from filled(
        Path(__file__).with_name("history.html.jinja"),
        history=history,
        heading=_heading(history),
        groups=groups(history.failing),
        rows=_ROWS,
        runs=[*reversed(history.runs[-_RUNS:])],
        kinds=kinds,
        headings=_HEADINGS,
        plots={kind: some for kind, some in plots.items() if some},
        when=when,
        commit=_commit,
        counted=counted,
        changed=_changed,
        bars=Markup(  # noqa: S704  (ElementTree escaped it)
            plot.bars([run.outcomes for run in history.runs], [run.started for run in history.runs], kinds, "outcomes")
            if history.runs
            else ""
        ),
        strip=lambda one: Markup(plot.strip(one.outcomes, colours, one.unit)),  # noqa: S704
        line=lambda one: Markup(  # noqa: S704
            plot.line(one.points, one.unit, one.name, one.shift and one.shift.since)
        ),
    )
