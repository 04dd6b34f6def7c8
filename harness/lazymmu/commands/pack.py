# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu pack`: makes one file of a results folder for a bug report."""

from lazymmu.commands import imported
from lazymmu.parser import Parser

NAME = "pack"
HELP = "make one file of a results folder for a bug report, without user names and host paths"
main = imported("lazymmu.session.pack:pack")


def flags(parser: Parser) -> None:
    parser.add_argument("folder", metavar="DIR", help="results folder of a run")
    parser.add_argument("file", metavar="FILE", nargs="?", help="the file to write (default: the name of DIR.tar.zst)")
