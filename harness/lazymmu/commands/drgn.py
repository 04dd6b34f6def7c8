# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu drgn`: drgn on a core of a guest that `run --keep-failed` saved."""

from lazymmu.commands import imported
from lazymmu.flags import add
from lazymmu.parser import Parser

NAME = "drgn"
HELP = "open a core of a kept guest in drgn; after -- a script and its arguments"
main = imported("lazymmu.debugger.core:drgn")


def flags(parser: Parser) -> None:
    parser.usage = "lazymmu drgn DIR [CASE] [flags] [-- SCRIPT [ARGUMENT ...]]"
    parser.rest_after = "--"
    parser.add_argument("results", metavar="DIR", help="results folder of a run with --keep-failed")
    parser.add_argument("case", nargs="?", metavar="CASE", help="scenario or case, if several guests were kept")
    parser.add_argument("--arch", metavar="ARCH", help="architecture, if several guests were kept")
    parser.add_argument("-c", dest="code", metavar="CODE", help="run this Python code, and end")
    add(parser, "--debug-info", "--timeout-scale", "--offline")
