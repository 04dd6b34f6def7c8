# SPDX-License-Identifier: GPL-2.0-only
"""The command `diff`: where revisions and personalities part in a scenario, by the model alone."""

from __future__ import annotations

from argparse import Namespace
from itertools import groupby

from lazymmu.reports import json
from lazymmu.reports.destination import targets
from lazymmu.reports.side_by_side import lines, side_by_side
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session import requests
from lazymmu.session.selection import Selection, units
from lazymmu.subject.simulator import predict


def diff(arguments: Namespace) -> int:
    """Print each case under all selected revisions and personalities side by side; 0 whether they part or not."""
    selection = Selection(
        arches=tuple(arguments.arch), apis=tuple(arguments.api) or ("all",), tags=tuple(arguments.tag)
    )
    selected = units(load(arguments.scenarios, requests.library()), selection)
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    documents = []
    for _, found in groupby(selected, key=lambda unit: (unit.scenario.name, unit.number)):
        of_case: list[Unit] = list(found)
        case = of_case[0].case
        compared = side_by_side(
            case, {(unit.api, unit.personality): predict(case, unit.api, unit.personality) for unit in of_case}
        )
        documents.append({"scenario": of_case[0].scenario.name, "case": dict(of_case[0].values), **compared.to_json()})
        if not goals:
            for line in (of_case[0].case_name(), *lines(case, compared)):
                terminal.line(line)
    for goal in goals.values():
        goal.write(json.text({"schema": json.SCHEMA, "diffs": documents}))
    return 0
