# SPDX-License-Identifier: GPL-2.0-only
"""One page for a browser: the verdict, each cause with its picture, and scenarios by machine. It loads nothing else.

Boxes filter by outcome and architecture without a script: a part of the page has a class for each pair that it is
about, and a rule shows the class if both boxes are ticked. The page's only script filters by text, too.
"""

import os
import re
import shlex
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from lazymmu.reports import reproduce
from lazymmu.reports.plain import counted, explanation, filled
from lazymmu.reports.terminal import STYLES
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import Cell, Row
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import ScenarioError, UsageError
from lazymmu.support.project import LIBRARY

NAME = "html"
FLAG = "--html"
HELP = "write results as a page for a browser; - is standard output"

_NOT_RUN = "not run"
#: The worst first.
_OUTCOMES = (Outcome.FAIL, Outcome.ERROR, _NOT_RUN, Outcome.SKIP, Outcome.KNOWN, Outcome.PASS)
#: Exit status -> the verdict.
_VERDICTS = {1: "failed", 2: "nothing passed", 3: "error", 130: "interrupted"}
# So many causes are explained (the others are in a list that is closed), so many pictures are drawn, and a picture has
# so many columns around its mark: else the page of a run in which everything fails is too large to open.
_EXPLAINED, _DRAWN, _BEFORE, _AFTER = 100, 24, 20, 10
# So many logs of a machine have links of their own.
_LOGS = 4

_SCRIPT = """
"use strict";
const words = document.getElementById("words");
words.parentElement.hidden = false;
words.addEventListener("input", () => {
  const wanted = words.value.toLowerCase().split(" ");
  for (const part of document.querySelectorAll(".u")) {
    const text = part.textContent.toLowerCase();
    part.classList.toggle("unmatched", !wanted.every(word => text.includes(word)));
  }
});
"""


def write(run: RunSummary, file: TextIO) -> None:
    """Write the page."""
    from markupsafe import Markup

    from lazymmu.reports.pictures.svg import STYLE

    results, counts = run.results, run.results.counts()
    cells = _cells(run)
    pairs = {cell: {(outcome, cell.arch) for outcome in found.counts} for cell, found in cells.items()}
    filters = _Filters(pair for some in pairs.values() for pair in some)
    about: dict[str, set[tuple[str, str]]] = {}
    for cell, some in pairs.items():
        about.setdefault(cell.scenario_name, set()).update(some)
    scenarios = _scenarios(run)
    pictures = _pictures(run, scenarios)
    links = _Links(run, file)
    parts = filled(
        Path(__file__).with_name("page.html.jinja"),
        run=run,
        verdict=_verdict(run),
        command=shlex.join(run.facts["command"]),
        counts=[(outcome, counts[outcome]) for outcome in STYLES if counts[outcome]],
        filters=filters,
        columns=sorted({((cell.under_test, cell.machine), cell.arch) for cell in cells}),
        rows={name: filters.classes(some) for name, some in about.items()},
        descriptions={name: scenario.description for name, scenario in scenarios.items()},
        cells={(one.scenario_name, (one.under_test, one.machine)): found.shown() for one, found in cells.items()},
        groups=[
            {
                "group": group,
                "classes": filters.classes(_shown(results.row(number)) for number in group.numbers),
                "picture": Markup(pictures.get(group.first.number, "")),  # noqa: S704  (ElementTree escaped it)
                "links": [*links.of(group.first)],
            }
            for group in run.groups
        ],
        explained=_EXPLAINED,
        explanation=explanation,
        reproduce=reproduce.line,
        folder=links.folder,
        style=Markup(STYLE if pictures else ""),  # noqa: S704
        script=Markup(_SCRIPT),  # noqa: S704
        digest=b64encode(sha256(_SCRIPT.encode()).digest()).decode(),
    )
    file.writelines(parts)


def _verdict(run: RunSummary) -> tuple[str, str]:
    """Return the style of the verdict and its words. It is green only if everything passed."""
    counts = run.results.counts()
    status = run.facts.get("status")
    if run.interrupted:
        return "fail" if counts[Outcome.FAIL] else "error", run.progress()
    if counts[Outcome.FAIL] or run.broken_entries() or status == 1:
        only_known = not counts[Outcome.FAIL] and run.broken_entries()
        return "fail", "failed: entries of --known no longer hold" if only_known else "failed"
    if counts[Outcome.ERROR] or status:
        return "error", _VERDICTS.get(status or 3, "error")
    if not counts[Outcome.PASS]:
        return "error", "nothing passed"
    others = {str(outcome): counts[outcome] for outcome in (Outcome.SKIP, Outcome.KNOWN) if counts[outcome]}
    return ("known", f"passed, with {counted(others)}") if others else ("pass", "passed")


def _shown(row: Row) -> tuple[str, str]:
    """Return what the boxes of the page filter: outcome and architecture."""
    return str(row.outcome or _NOT_RUN), row.cell.arch


class _Filters:
    """The boxes of the page: outcomes and architectures of what it shows, each a pair."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        there = set(pairs)
        self.outcomes = [str(outcome) for outcome in _OUTCOMES if any(outcome == one for one, _ in there)]
        self.arches = sorted({arch for _, arch in there})

    def classes(self, pairs: Iterable[tuple[str, str]]) -> str:
        """Return the classes of a part of the page that is about these outcomes and architectures."""
        names = sorted((self.outcomes.index(outcome), self.arches.index(arch)) for outcome, arch in {*pairs})
        return " ".join(["u", *(f"f{outcome}-{arch}" for outcome, arch in names)])


def _scenarios(run: RunSummary) -> dict[str, Scenario]:
    """Return the scenarios of the run by name; those of `lazymmu merge` are read from the results folder."""
    own = run.results.scenarios
    copies = {} if own or run.folder is None else run.facts.get("scenarios", {})
    names = {
        str(path): name
        for name, copy in copies.items()
        if run.folder and (path := run.folder.absolute() / copy).is_file()
    }
    if not names:
        return own
    from lazymmu.scenario import load

    try:
        return {names[scenario.path]: scenario for scenario in load(list(names), LIBRARY) if scenario.path in names}
    except (ScenarioError, UsageError):
        return {}  # a copy that this version of lazymmu does not take


def _pictures(run: RunSummary, scenarios: Mapping[str, Scenario]) -> dict[int, str]:
    """Return the pictures of the first causes by the numbers of their first results, as SVG elements."""
    from lazymmu.reports.pictures.of_result import of_result
    from lazymmu.reports.pictures.svg import svg

    found = {}
    for first in [group.first for group in run.groups if group.first.raw_outcome is not Outcome.SKIP][:_DRAWN]:
        scenario = scenarios.get(first.scenario_name)
        case = next((case for case in scenario.cases if case.values == first.values), None) if scenario else None
        if case is not None:
            try:
                whole = of_result(case, run.results.whole(first.number))
            except UsageError:
                continue  # a result that --resume kept, of another model
            found[first.number] = svg([whole.around(_BEFORE, _AFTER)], alone=False)
    return found


class _Links:
    """The links to the results folder, relative to the folder of the page, so that both can be moved together."""

    def __init__(self, run: RunSummary, file: TextIO) -> None:
        from lazymmu.reports.results_folder import GUESTS

        name = getattr(file, "name", "")
        self._from = Path(name).parent if isinstance(name, str) and Path(name).is_file() else Path.cwd()
        self._guests = run.folder / GUESTS if run.folder is not None else None
        logs = sorted(self._guests.rglob("*.log")) if self._guests is not None else []
        #: The name of a machine in the names of logs -> its logs.
        self._logs: dict[str, list[Path]] = {}
        for log in logs:
            self._logs.setdefault(log.name.partition(".")[0].rpartition("-")[0], []).append(log)
        self.folder = None if run.folder is None else self._link(run.folder)

    def of(self, result: Result) -> Iterator[tuple[str, str]]:
        """Yield the name and address of each log of the machine on which a result came, if they are few, else all."""
        logs = self._logs.get(re.sub(r"[ /]+", "-", result.machine), [])
        if self._guests is not None and len(logs) > _LOGS:
            yield f"{len(logs)} logs", self._link(self._guests)
        else:
            yield from ((log.name, self._link(log)) for log in logs)

    def _link(self, path: Path) -> str:
        # A first segment with a colon would be a scheme.
        return quote(os.path.relpath(path, self._from))


class _Cell:
    """A field of the table of scenarios."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        #: The number of its first result that did not pass, and of the failure group of that.
        self.first: tuple[int, int] | None = None

    def shown(self) -> Mapping[str, Any]:
        """Return the worst outcome of its units, a text, and the number of the first failure group among them."""
        worst_first = {str(outcome): self.counts[outcome] for outcome in _OUTCOMES if self.counts[outcome]}
        worst = next(iter(worst_first))
        return {
            "outcome": worst.replace(" ", "-"),
            "text": worst if self.counts.total() == 1 else counted(worst_first),
            "group": self.first and self.first[1],
        }


def _cells(run: RunSummary) -> dict[Cell, _Cell]:
    """Return the fields of the table of scenarios, in the order of the units."""
    cells = {cell: _Cell() for cell in run.results.cells}
    for row in run.results.rows():
        cells[row.cell].counts[_shown(row)[0]] += 1
    for place, group in enumerate(run.groups, 1):
        for number in group.numbers:
            cell = cells[run.results.row(number).cell]
            cell.first = (number, place) if cell.first is None else min(cell.first, (number, place))
    return cells
