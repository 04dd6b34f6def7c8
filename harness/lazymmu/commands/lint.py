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
        from lazymmu.session import requests
    scenarios = load(arguments.scenarios, requests.library())
    cases = sum(len(scenario.cases) for scenario in scenarios)
    counts = " with ".join(
        f"{count} {what}{'' if count == 1 else 's'}" for count, what in ((len(scenarios), "scenario"), (cases, "case"))
    )
    requests.human(arguments).line(f"{counts}: well formed")
    return 0
