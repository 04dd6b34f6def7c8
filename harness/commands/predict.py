# SPDX-License-Identifier: GPL-2.0-only
"""The command `predict`: what the model says of the selected units; no guest."""

from __future__ import annotations

from argparse import Namespace

from msgspec.structs import replace

from harness.commands import common
from harness.core.errors import UsageError
from harness.core.trace import Skip
from harness.core.vocabulary import HEADER
from harness.model import predict as predict_case
from harness.report import json
from harness.report.target import targets
from harness.scenario import load
from harness.selection import units
from harness.verdict import pins


def predict(arguments: Namespace) -> int:
    """Print what the model says of the selected units; 1 when an author's pin does not hold in it."""
    selection = common.selection(arguments)
    if HEADER in selection.impls:
        raise UsageError(
            "--impl header: there is no header to predict: the model knows revisions",
            hint="--api merged or --api with-ptes is what a header is held against",
        )
    selected = units(load(arguments.scenarios, common.library()), selection)
    goals = targets({"--json": arguments.json})
    terminal = common.human(arguments)
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
