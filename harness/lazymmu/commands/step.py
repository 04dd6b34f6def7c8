# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu step`: walks a scenario operation by operation in a guest, beside the model."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "step"
HELP = "walk a scenario operation by operation in a guest, beside the model"


def flags(parser: Parser) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help="one scenario or case, such as NAME[depth=3], or a file")
    parser.add_argument("--arch", required=True, metavar="NAME", help="architecture of the guest")
    add(parser, "--api", help="revision, see `lazymmu help words` (default: merged, or amended)")
    parser.add_argument("--impl", metavar="NAME", default="module", help="implementation: module (default) or native")
    add(parser, "--personality")
    parser.add_argument("--until", metavar="STEP", help="begin after the step of this number")
    parser.add_argument("--print", action="store_true", help="print the whole walk as text, and ask for no commands")
    add(parser, "--kernel", "--transport", "--timeout-scale", "--offline")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.interface import Guest
        from lazymmu.results.result import Result
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.selection import Selection, units
        from lazymmu.session.walk import Walk
        from lazymmu.shell import stepping
        from lazymmu.subject.case import Scenario
        from lazymmu.support.errors import UsageError
    kernel = requests.kernel(arguments).name
    selection = Selection(
        (arguments.arch,), tuple(arguments.api), (), (), (kernel,), (arguments.impl,), personality=arguments.personality
    )
    selected = units(load([arguments.scenario], requests.library()), selection)
    cases = list(dict.fromkeys(unit.case_name() for unit in selected))
    unit = selected[-1]
    if len(cases) > 1 or len({one.arch for one in selected}) > 1 or (arguments.api and len(selected) > 1):
        raise UsageError(
            f"step walks one case under one revision on one architecture: {arguments.scenario} is several",
            hint=f"one of them is {cases[0]} --arch {unit.arch} --api {unit.api}",
        )
    guest = Guest(
        unit.arch,
        kernel=kernel,
        transport=arguments.transport,
        timeout_scale=arguments.timeout_scale,
        offline=arguments.offline,
    )

    def run(scenario: Scenario) -> Result:
        (result,) = guest.run(scenario, api=unit.api, impl=unit.impl, personality=arguments.personality)
        return result

    walk = Walk(unit, run)
    first = 1 if arguments.until is None else walk.number_of(stepping.index(arguments.until))
    with guest:
        go = stepping.printed if arguments.print else stepping.asked
        return go(unit, walk, requests.human(arguments), first)
