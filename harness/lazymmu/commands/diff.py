# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu diff`: shows where revisions and personalities part in a scenario, by the model alone."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "diff"
HELP = "show where revisions part in a scenario; no guest"


def flags(parser: Parser) -> None:
    add(parser, "scenarios", nargs="+", help="name, file or directory")
    add(parser, "--arch", "--api", "--tag", "--exclude", "--personality", "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from itertools import groupby

        from lazymmu.reports.side_by_side import LEGEND, lines, side_by_side
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import units
        from lazymmu.subject.simulator import predict
    selected = units(load(arguments.scenarios, requests.library()), requests.selection(arguments, apis=("all",)))
    terminal, write_json = requests.outputs(arguments)
    diffs = []
    for _, group in groupby(selected, key=lambda unit: (unit.scenario.name, unit.number)):
        of_case = list(group)
        first, case = of_case[0], of_case[0].case
        predictions = {(unit.api, unit.personality): predict(case, unit.api, unit.personality) for unit in of_case}
        compared = side_by_side(case, predictions)
        diffs.append({"scenario": first.scenario.name, "case": dict(first.values), **compared.to_json()})
        if arguments.json is None:
            for line in (first.case_name(), *lines(case, compared)):
                terminal.line(line)
    for line in LEGEND if arguments.json is None else ():
        terminal.line(line, "dim")
    write_json({"diffs": diffs})
    return 0
