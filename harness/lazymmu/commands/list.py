# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu list`: prints the scenarios, one a line, with what they are about, or the jobs of a CI system for them."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from lazymmu.flags import add, implementation, integer, one_of
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.interrupts import importing

if TYPE_CHECKING:
    from lazymmu.subject.case import Scenario

NAME = "list"
HELP = "list scenarios, or the jobs of a CI matrix"

_SYSTEMS = ("github", "gitlab")


def flags(parser: Parser) -> None:
    add(parser, "scenarios")
    add(parser, "--arch", help="only scenarios that can run there; several with commas")
    add(parser, "--api", help="only scenarios about this revision; several with commas")
    add(parser, "--tag", "--exclude")
    add(parser, "--personality", help="only scenarios that can run under this personality")
    add(
        parser, "--impl", action="store", type=implementation, help="only scenarios that can run on this implementation"
    )
    add(parser, "--json")
    parser.add_argument(
        "--operations", action="store_true", help="print each step of the language, an example and what it does"
    )
    parser.add_argument(
        "--matrix",
        type=one_of("CI system", _SYSTEMS),
        metavar="SYSTEM",
        help="print the jobs for github (a matrix) or gitlab (a child pipeline): architecture, kernel, shard",
    )
    add(parser, "--kernel", help="kernel of --matrix; may be repeated (default: lts)")
    parser.add_argument(
        "--shards", type=integer("--shards", 1, 999_999), metavar="N", help="jobs of --matrix for each machine"
    )


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.architecture import chosen
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import Selection, chosen_apis, narrowed
        from lazymmu.subject.implementations import IMPLEMENTATIONS
    if arguments.operations:
        given = {**vars(arguments), "operations": False}
        if any(given[name] for name in ("scenarios", "json", "matrix", "arch", "api", "tag", "exclude")):
            raise UsageError("--operations lists the language, not scenarios: give it alone")
        return _operations(arguments)
    if arguments.matrix is not None:
        return _matrix(arguments)
    if extra := [f"--{name}" for name in ("kernel", "shards") if getattr(arguments, name)]:
        raise UsageError(f"{extra[0]} says which jobs there are: it needs --matrix")
    shown = narrowed(load(arguments.scenarios, requests.library()), arguments.tag, arguments.exclude)
    personality = arguments.personality
    if personality is not None:
        shown = tuple(one for one in shown if personality in one.personalities)
    if arguments.impl is not None:
        tested = IMPLEMENTATIONS[arguments.impl]
        revisions, native = tested.revisions, tested.hooks_only
        shown = tuple(one for one in shown if (one.native if native else not revisions.isdisjoint(one.apis)))
    if arguments.arch:
        arches = {*chosen(arguments.arch)}
        shown = tuple(one for one in shown if arches & {*(one.arches if personality is None else one.guests)})
    if arguments.api:
        apis = {*chosen_apis(Selection(apis=tuple(arguments.api)))}
        shown = tuple(one for one in shown if apis & {*one.apis})
    if not shown:
        about = f" is about {', '.join(arguments.api)} and" if arguments.api else ""
        under = f" under the personality {personality}" if personality else ""
        on = f" on the implementation {arguments.impl}" if arguments.impl else ""
        on += f" on {', '.join(arguments.arch)}" if arguments.arch else ""
        raise UsageError(f"none of the scenarios{about} can run{on}{under}")
    terminal, write_json = requests.outputs(arguments)
    if arguments.json is not None:
        write_json({"scenarios": [_described(one) for one in shown]})
        return 0
    width = max(len(scenario.name) for scenario in shown)
    for scenario in shown:
        guests = scenario.arches if personality is None else scenario.guests
        about = f"{','.join(scenario.apis)} on {','.join(guests) or 'no guest of itself'}"
        as_one = personality or scenario.personality or ("" if guests else " or ".join(scenario.personalities))
        about += f" as {as_one}" if as_one else ""
        cases = f"{len(scenario.cases)} case{'s' if len(scenario.cases) > 1 else ''}"
        tags = f" [{', '.join(scenario.tags)}]" if scenario.tags else ""
        terminal.line(f"{scenario.name:<{width}}  {cases}, {about}{tags}")
        terminal.line(f"{'':<{width}}  {' '.join(scenario.description.split())}", "dim")
    return 0


def _described(scenario: Scenario) -> dict[str, Any]:
    """Return what the document has of a scenario."""
    return {
        "scenario": scenario.name,
        "path": scenario.path,
        "description": scenario.description,
        "tags": scenario.tags,
        "api": scenario.apis,
        "arch": scenario.arches,
        "native": scenario.native,
        "personality": scenario.personality,
        "personalities": scenario.personalities,
        "cases": [case.values for case in scenario.cases],
    }


def _operations(arguments: Namespace) -> int:
    """Print the words of the language for a step."""
    with importing():
        import inspect

        from lazymmu.scenario.steps import BLOCKS, WORDS
        from lazymmu.session import requests
        from lazymmu.subject.behaviour import BEHAVIOURS
        from lazymmu.subject.revisions import REVISIONS, revisions_with
    does = {name: (inspect.getdoc(behaviour) or "").partition("\n")[0] for name, behaviour in BEHAVIOURS.items()}
    does |= {name: f"Do `{first}`, the steps, and `{last}`." for name, (first, last) in BLOCKS.items()}
    does["repeat"] = "Do the steps so many times; `as: name` counts the turns from 0."
    does["check"] = "Compare what it pins at this point."
    terminal = requests.human(arguments)
    for name, word in WORDS.items():
        having = revisions_with(name)
        only = "" if len(having) == len(REVISIONS) else f" ({', '.join(api for api in REVISIONS if api in having)})"
        terminal.line(word.form)
        terminal.line(f"    {does[name]}{only}", "dim")
    return 0


def _matrix(arguments: Namespace) -> int:
    """Print the jobs of a CI system."""
    with importing():
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import units
        from lazymmu.session.shards import matrix
    if arguments.json is not None:
        raise UsageError("--json and --matrix cannot be given together: a matrix is JSON")
    # One implementation can be named here, several in a run.
    given = Namespace(**{**vars(arguments), "impl": [arguments.impl] if arguments.impl else None})
    selected = units(load(arguments.scenarios, requests.library()), requests.selection(given))
    jobs = list(matrix.jobs(selected, arguments.shards or 1))
    if not jobs:
        raise UsageError(f"no kernel of {', '.join(arguments.kernel or ())} is for an architecture that is selected")
    words = [*arguments.scenarios]
    for name in ("api", "tag", "exclude", "impl", "personality"):
        for value in requests.values(getattr(given, name)):
            words += [f"--{name}", value]
    print(matrix.FORMS[arguments.matrix](jobs, words))
    return 0
