# SPDX-License-Identifier: GPL-2.0-only
"""The command `predict`: what the model says of the selected units; no guest."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from harness.commands import common
from harness.model import predict as predict_case
from harness.report import json
from harness.report.target import targets
from harness.scenario import load
from harness.selection import units
from harness.verdict import pins


def predict(arguments: Namespace) -> int:
    """Print what the model says of the selected units; 1 when an author's pin does not hold in it."""
    selection = common.selection(arguments)
    common.kernel(arguments)
    selected = units(load(arguments.scenarios, common.library()), selection)
    goals = targets({"--json": arguments.json})
    terminal = common.human(arguments)
    predictions = []
    broken = []
    for unit in selected:
        trace = predict_case(unit.case, unit.api, unit.arch)
        broken += [(unit, difference) for difference in pins(unit, trace, "the model says")]
        predictions.append((unit, trace if arguments.trace else replace(trace, steps=())))
    for goal in goals.values():
        goal.write(json.text(json.predict_document(predictions, trace=arguments.trace)))
    if not goals:
        for unit, trace in predictions:
            terminal.prediction(unit, trace)
    for unit, difference in broken:
        terminal.broken_pin(unit, difference)
    return 1 if broken else 0
