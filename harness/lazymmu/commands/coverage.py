# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu coverage`: shows which rules of the model no scenario reaches. Exit status 1 if there are any."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "coverage"
HELP = "show the rules that no scenario reaches; no guest"


def flags(parser: Parser) -> None:
    add(parser, "scenarios", "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.subject.conditions import Conditions

        conditions = Conditions()
        conditions.load()
        from lazymmu.session.coverage import coverage
    return coverage(arguments, conditions)
