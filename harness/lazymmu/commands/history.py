# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu history`: shows what many runs have in common. Exit status 0, whatever failed in them."""

from lazymmu.commands import imported
from lazymmu.flags import add
from lazymmu.parser import Parser

NAME = "history"
HELP = "show flaky cases, since when cases fail, and trends of times"
main = imported("lazymmu.session.history:show")


def flags(parser: Parser) -> None:
    parser.add_argument(
        "folders", metavar="DIR", nargs="*", help="results folder, or a folder with any number of them (default: yours)"
    )
    parser.add_argument(
        "--case", action="append", default=[], metavar="SELECTOR", help="scenario, pattern or case; may be repeated"
    )
    add(parser, "--arch", help="architecture; several with commas (default: all)")
    add(parser, "--json", help="write it as JSON; - is standard output")
    parser.add_argument("--html", metavar="FILE", help="write it as a page with plots; - is standard output")
    parser.add_argument("--forget", action="store_true", help="forget the runs whose folders are gone")
