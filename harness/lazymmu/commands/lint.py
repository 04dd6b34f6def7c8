# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu lint`: checks scenario files."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

if TYPE_CHECKING:
    from lazymmu.subject.case import Scenario
    from lazymmu.support.errors import Place

NAME = "lint"
HELP = "check scenario files; no guest"
# Of several scenarios with the same note.
_NAMED = 3


def flags(parser: Parser) -> None:
    add(parser, "scenarios")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the place of each note")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.scenario import load
        from lazymmu.scenario.reach import every_run, unreached
        from lazymmu.session import requests
    scenarios = load(arguments.scenarios, requests.library())
    terminal = requests.human(arguments)
    notes: dict[str, list[tuple[Scenario, Place]]] = {}
    for scenario in scenarios:
        for limit in scenario.limits:
            notes.setdefault(str(limit), []).append((scenario, limit.place))
        for place in unreached(scenario, every_run(scenario)):
            notes.setdefault("no revision and personality compares this pin", []).append((scenario, place))
    for line in _lines(notes, whole=arguments.verbose):
        terminal.line(line)
    cases = sum(len(scenario.cases) for scenario in scenarios)
    counts = " with ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for count, what in ((len(scenarios), "scenario"), (cases, "case"))
    )
    terminal.line(f"{counts}: well formed")
    return 0


def _lines(notes: Mapping[str, Sequence[tuple["Scenario", "Place"]]], *, whole: bool) -> Iterator[str]:
    """Yield each note with its place; one line for all scenarios that have the same, unless all are wanted or few."""
    for note, found in notes.items():
        names = list(dict.fromkeys(scenario.name for scenario, _ in found))
        if whole or len(names) <= _NAMED:
            yield from (f"{place}: note: {note}" for _, place in found)
        else:
            yield f"note: {note}: {len(names)} scenarios, such as {', '.join(names[:_NAMED])} (all: --verbose)"
