# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu doctor`: shows what is there and what is missing. Exit status 3 if a run could not work."""

from lazymmu.commands import imported
from lazymmu.flags import add
from lazymmu.parser import Parser

NAME = "doctor"
HELP = "show what is there, what is missing, whether a run can work"
main = imported("lazymmu.doctor.run:doctor")


def flags(parser: Parser) -> None:
    add(parser, "--arch", "--kernel")
    add(parser, "--offline", help="ask about a run that may not fetch anything")
    parser.add_argument("--deep", action="store_true", help="print every check; compare every byte, start every tool")
    add(parser, "--json")
