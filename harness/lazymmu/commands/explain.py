# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu explain`: says in sentences what each step of a scenario does, and by which rule."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "explain"
HELP = "say what each step of a scenario does, and why; no guest"


def flags(parser: Parser) -> None:
    add(parser, "scenarios", nargs="+", help="name, pattern, case (NAME[depth=3]), file or directory")
    add(parser, "--arch", "--api", "--tag", "--exclude", "--personality")


def main(arguments: Namespace) -> int:
    with importing():
        from itertools import groupby

        from lazymmu.reports.explain import lines
        from lazymmu.reports.side_by_side import pairs, side_by_side
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import units
        from lazymmu.subject.simulator import predict
    selected = units(load(arguments.scenarios, requests.library()), requests.selection(arguments))
    terminal = requests.human(arguments)
    for _, group in groupby(selected, key=lambda unit: (unit.scenario.name, unit.number)):
        of_case = list(group)
        first, case = of_case[0], of_case[0].case
        predictions = {(unit.api, unit.personality): predict(case, unit.api, unit.personality) for unit in of_case}
        for alike in side_by_side(case, predictions).groups:
            (api, personality), others = alike.pairs[0], alike.pairs[1:]
            same = f" (the same steps: {pairs(others)})" if others else ""
            terminal.line(f"{first.case_name()}, {api} on {personality}{same}")
            for line in lines(case, alike.pairs[0], alike.trace):
                terminal.line(line)
    return 0
