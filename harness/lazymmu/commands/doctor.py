# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu doctor`: shows what is there and what is missing. Exit status 3 if a run could not work."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "doctor"
HELP = "show what is there, what is missing, whether a run can work"


def flags(parser: Parser) -> None:
    add(parser, "--kernel")
    add(parser, "--offline", help="ask about a run that may not fetch anything")
    parser.add_argument("--deep", action="store_true", help="print every check; compare every byte, start every tool")
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.doctor.run import doctor
    return doctor(arguments)
