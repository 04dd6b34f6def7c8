# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu export`: writes scenarios as a test for another program; today, a KUnit suite in C."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "export"
HELP = "write scenarios as a KUnit test for a kernel tree"


def flags(parser: Parser) -> None:
    parser.add_argument("--kunit", action="store_true", required=True, help="as a KUnit suite in C")
    add(parser, "scenarios", nargs="+", help="name, file or directory")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="file to write (default: standard output)")


def main(arguments: Namespace) -> int:
    with importing():
        from pathlib import Path

        from lazymmu.reports.destination import STDOUT, targets
        from lazymmu.scenario import load
        from lazymmu.session import requests
        from lazymmu.session.kunit import export as kunit_export
    scenarios = load(arguments.scenarios, requests.library())
    cases = kunit_export.cases(scenarios)
    terminal = requests.human(arguments)
    broken = [(case.unit, difference) for case in cases for difference in case.broken]
    for unit, difference in broken:
        terminal.broken_pin(unit, difference)
    if broken:
        return 1
    name = "" if arguments.output == STDOUT else Path(arguments.output).stem
    targets({"--output": arguments.output})["--output"].write(kunit_export.text(kunit_export.suite_name(name), cases))
    for place, pin in sorted({hidden for case in cases for hidden in case.hidden}):
        terminal.line(f"{place}: note: `{pin}` is not in the test: KUnit cannot see it", "yellow")
    return 0
