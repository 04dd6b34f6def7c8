# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean`: removes leftovers of killed processes, what is not needed, and what is beyond its limit."""

from lazymmu.commands import imported
from lazymmu.parser import Parser

NAME = "clean"
HELP = "remove leftovers and what is beyond its limit"
main = imported("lazymmu.doctor.clean:clean")


def flags(parser: Parser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="remove the whole cache and all results in their default folder"
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")
