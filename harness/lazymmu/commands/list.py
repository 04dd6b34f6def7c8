# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu list`: prints the scenarios, one a line, with what they are about."""

from argparse import Namespace

from lazymmu.flags import add, implementation
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.interrupts import importing

NAME = "list"
HELP = "list scenarios"


def flags(parser: Parser) -> None:
    add(parser, "scenarios", "--tag", "--exclude")
    add(parser, "--personality", help="only scenarios that can run under this personality")
    add(
        parser, "--impl", action="store", type=implementation, help="only scenarios that can run on this implementation"
    )


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import narrowed
        from lazymmu.subject.implementations import IMPLEMENTATIONS
    shown = narrowed(load(arguments.scenarios, requests.library()), arguments.tag, arguments.exclude)
    personality = arguments.personality
    if personality is not None:
        shown = tuple(one for one in shown if personality in one.personalities)
    if arguments.impl is not None:
        one_of = IMPLEMENTATIONS[arguments.impl]
        revisions, native = one_of.revisions, one_of.hooks_only
        shown = tuple(one for one in shown if (one.native if native else not revisions.isdisjoint(one.apis)))
    if not shown:
        under = f" under the personality {personality}" if personality else ""
        on = f" on the implementation {arguments.impl}" if arguments.impl else ""
        raise UsageError(f"none of the scenarios can run{on}{under}")
    terminal = requests.human(arguments)
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
