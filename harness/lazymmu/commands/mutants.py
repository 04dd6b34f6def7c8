# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu mutants`: shows which scenarios notice which mistake, for builds of the module with one each."""

from lazymmu.commands import imported
from lazymmu.flags import add
from lazymmu.parser import Parser

NAME = "mutants"
HELP = "show which scenarios notice which mistake"
main = imported("lazymmu.session.mutants:mutants")


def flags(parser: Parser) -> None:
    add(parser, "scenarios")
    parser.add_argument("--mutant", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument(
        "--full", action="store_true", help="run each against all scenarios, not only until it is killed"
    )
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    add(parser, "--arch", "--api", "--tag", "--exclude", "--json")
