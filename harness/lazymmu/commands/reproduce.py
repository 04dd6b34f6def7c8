# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu reproduce`: runs the failed cases of a results folder again, each alone as it ran."""

from lazymmu.commands import imported
from lazymmu.parser import Parser

NAME = "reproduce"
HELP = "run what failed in a results folder again, each case alone as it ran"
main = imported("lazymmu.session.reproduce:reproduce")


def flags(parser: Parser) -> None:
    parser.add_argument("folder", metavar="DIR", help="results folder of a run")
    parser.add_argument(
        "case",
        metavar="CASE",
        nargs="?",
        help="only this scenario or case, such as `nesting/deep[depth=3]`; default: one of each cause",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands, and run nothing")
