# SPDX-License-Identifier: GPL-2.0-only
"""The command `predict`: what the model says of the selected units; no guest."""

from __future__ import annotations

from argparse import Namespace

from msgspec.structs import replace

from lazymmu.reports import json
from lazymmu.reports.destination import targets
from lazymmu.scenario import load
from lazymmu.session import requests
from lazymmu.session.selection import units
from lazymmu.session.verdict import pins
from lazymmu.subject.implementations import HEADER
from lazymmu.subject.simulator import predict as predict_case
from lazymmu.subject.trace import Skip
from lazymmu.support.errors import UsageError


def predict(arguments: Namespace) -> int:
    """Print what the model says of the selected units; 1 when an author's pin does not hold in it."""
    selection = requests.selection(arguments)
    if HEADER in selection.impls:
        raise UsageError(
            "--impl header: there is no header to predict: the model knows revisions",
            hint="--api merged or --api with-ptes is what a header is held against",
        )
    selected = units(load(arguments.scenarios, requests.library()), selection)
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    predictions = []
    broken = []
    for unit in selected:
        said = predict_case(unit.case, unit.api, unit.personality, unit.impl)
        if not isinstance(said, Skip):
            broken += [(unit, difference) for difference in pins(unit, said, "the model says")]
            said = said if arguments.trace else replace(said, steps=())
        predictions.append((unit, said))
    for goal in goals.values():
        goal.write(json.text(json.predict_document(predictions, trace=arguments.trace)))
    if not goals:
        for unit, said in predictions:
            terminal.prediction(unit, said)
    for unit, difference in broken:
        terminal.broken_pin(unit, difference)
    return 1 if broken else 0
