# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu mutants`: shows which scenarios notice which mistake, for builds of the module with one each."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "mutants"
HELP = "show which scenarios notice which mistake"


def flags(parser: Parser) -> None:
    add(parser, "scenarios")
    parser.add_argument("--mutant", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument(
        "--full", action="store_true", help="run each against all scenarios, not only until it is killed"
    )
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    add(parser, "--arch", "--api", "--tag", "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.session.mutants import mutants
    return mutants(arguments)
