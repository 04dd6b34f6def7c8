# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu lint`: checks scenario files."""

import json
import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.errors import Problem, ScenarioError
from lazymmu.support.interrupts import importing
from lazymmu.support.workflow_commands import harmless

if TYPE_CHECKING:
    from lazymmu.subject.case import Scenario

NAME = "lint"
HELP = "check scenario files; no guest"
# Of several scenarios with the same note.
_NAMED = 3
_UNREACHED = "no revision and personality compares this pin"


def flags(parser: Parser) -> None:
    add(parser, "scenarios")
    parser.add_argument(
        "--format", choices=("text", "github", "json"), default="text", help="text, annotations of GitHub, or JSON"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show the place of each note")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.scenario import load
        from lazymmu.scenario.reach import every_run, unreached
        from lazymmu.session import requests
    scenarios: Sequence[Scenario] = ()
    mistakes: Sequence[Problem] = ()
    try:
        scenarios = load(arguments.scenarios, requests.library())
    except ScenarioError as error:
        mistakes = error.problems
    notes: list[tuple[Scenario, Problem]] = []
    for scenario in scenarios:
        notes += [(scenario, Problem(limit.place, str(limit), "limits")) for limit in scenario.limits]
        notes += [
            (scenario, Problem(place, _UNREACHED, "unreached")) for place in unreached(scenario, every_run(scenario))
        ]
    cases = sum(len(scenario.cases) for scenario in scenarios)
    if arguments.format == "json":
        found = [*(_to_json(one, "error") for one in mistakes), *(_to_json(one, "note") for _, one in notes)]
        print(json.dumps({"schema": 1, "problems": found, "scenarios": len(scenarios), "cases": cases}, indent=1))
    elif arguments.format == "github":
        for severity, problem in (*(("error", one) for one in mistakes), *(("notice", one) for _, one in notes)):
            print(_annotation(severity, problem))
    elif mistakes:
        for problem in mistakes:
            print(harmless(f"{problem} [{problem.rule}]"), file=sys.stderr)
    else:
        terminal = requests.human(arguments)
        for line in _lines(notes, whole=arguments.verbose):
            terminal.line(line)
        counts = " with ".join(
            f"{count} {what}{'' if count == 1 else 's'}"
            for count, what in ((len(scenarios), "scenario"), (cases, "case"))
        )
        terminal.line(f"{counts}: well formed")
    return ScenarioError.exit_status if mistakes else 0


def _to_json(problem: Problem, severity: str) -> dict[str, Any]:
    return {"severity": severity, "rule": problem.rule, **problem.place._asdict(), "message": problem.message}


def _annotation(severity: str, problem: Problem) -> str:
    """Return a workflow command of GitHub, which shows the problem at its line."""
    place = problem.place
    where = {"file": place.path, "line": place.line, "col": place.column, "title": f"lazymmu lint: {problem.rule}"}
    properties = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in where.items())
    return f"::{severity} {properties}::{_escaped(problem.message)}"


def _escaped(text: str, also: str = "") -> str:
    """Return a text with what ends a command or a property as %XX."""
    return re.sub(rf"[%\r\n{also}]", lambda found: f"%{ord(found[0]):02X}", text)


def _lines(notes: Sequence[tuple["Scenario", Problem]], *, whole: bool) -> Iterator[str]:
    """Yield each note with its place; one line for all scenarios that have the same, unless all are wanted or few."""
    groups: dict[str, list[tuple[Scenario, Problem]]] = {}
    for scenario, problem in notes:
        groups.setdefault(f"note: {problem.message} [{problem.rule}]", []).append((scenario, problem))
    for note, found in groups.items():
        names = list(dict.fromkeys(scenario.name for scenario, _ in found))
        if whole or len(names) <= _NAMED:
            yield from (f"{problem.place}: {note}" for _, problem in found)
        else:
            yield f"{note}: {len(names)} scenarios, such as {', '.join(names[:_NAMED])} (all: --verbose)"
