# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu lint`: checks scenario files."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "lint"
HELP = "check scenario files; no guest"


def flags(parser: Parser) -> None:
    add(parser, "scenarios")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.scenario import load
        from lazymmu.scenario.reach import every_run, unreached
        from lazymmu.session import requests
    scenarios = load(arguments.scenarios, requests.library())
    terminal = requests.human(arguments)
    for scenario in scenarios:
        for limit in scenario.limits:
            terminal.line(f"{limit.place}: note: {limit}")
        for place in unreached(scenario, every_run(scenario)):
            terminal.line(f"{place}: note: no revision and personality compares this pin")
    cases = sum(len(scenario.cases) for scenario in scenarios)
    counts = " with ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for count, what in ((len(scenarios), "scenario"), (cases, "case"))
    )
    terminal.line(f"{counts}: well formed")
    return 0
