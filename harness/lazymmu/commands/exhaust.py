# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu exhaust`: makes every call in every state that a task of the API can reach, and compares with the model."""

from lazymmu.commands import imported
from lazymmu.flags import add
from lazymmu.parser import Parser

NAME = "exhaust"
HELP = "try every call in every state of the API"
main = imported("lazymmu.session.exhaust:exhaust")


def flags(parser: Parser) -> None:
    add(parser, "--arch")
    add(parser, "--api", help="revision, see `lazymmu help words`; several with commas (default: amended and merged)")
    add(parser, "--impl", "--kernel")
    add(parser, "--header", "--patch", "--tree")
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where to write a scenario of each difference (default: here)"
    )
    add(parser, "--json", "--jobs", "--timeout-scale", "--offline", "--install")
