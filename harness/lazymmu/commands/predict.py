# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu predict`: prints the model's predictions. Exit status 1 if an author's pin does not hold in one."""

from argparse import Namespace

from lazymmu.flags import add, add_selection
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.interrupts import importing

NAME = "predict"
HELP = "print what the model says; no guest"


def flags(parser: Parser) -> None:
    add_selection(parser)
    add(parser, "--json")
    parser.add_argument("--trace", action="store_true", help="also each step: in columns, and in the JSON")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.reports import columns
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import units
        from lazymmu.session.unreached import notes, places
        from lazymmu.session.verdict import pins
        from lazymmu.subject.implementations import HEADER
        from lazymmu.subject.simulator import predict
    selection = requests.selection(arguments)
    if HEADER in selection.impls:
        raise UsageError(
            "--impl header: the model predicts revisions, not the text of a header",
            hint="--api merged or --api with-ptes is what a header is compared with",
        )
    selected = units(load(arguments.scenarios, requests.library()), selection)
    terminal, write_json = requests.outputs(arguments)
    predictions = []
    broken = []
    for unit in selected:
        case = unit.case
        predicted = predict(case, unit.api, unit.personality, unit.impl)
        broken += [(unit, difference) for difference in pins(unit, case, predicted, "the model says")]
        if arguments.json is None:
            terminal.prediction(unit, predicted)
            for line in columns.lines(case, predicted) if arguments.trace else ():
                terminal.line(f"  {line}")
            continue
        predictions.append(
            {
                "scenario": unit.scenario.name,
                "case": dict(unit.values),
                **{key: getattr(unit, key) for key in ("arch", "api", "impl", "kernel")},
                "predicted": predicted.to_json(steps=arguments.trace),
                "skip": None,
                **({"personality": unit.personality} if unit.named_personality else {}),
            }
        )
    for line in columns.LEGEND if arguments.trace and arguments.json is None else ():
        terminal.line(line, "dim")
    write_json({"predictions": predictions})
    for note in notes(places(selected)):
        terminal.line(note)
    for unit, difference in broken:
        terminal.broken_pin(unit, difference)
    return 1 if broken else 0
