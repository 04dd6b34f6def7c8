# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu gdb`: gdb on a guest that stops before a step of a case."""

from lazymmu.commands import imported
from lazymmu.flags import add, add_guest, integer
from lazymmu.parser import Parser

NAME = "gdb"
HELP = "run gdb on a guest that stops before a step; after -- arguments for gdb"
main = imported("lazymmu.debugger.session:gdb")


def flags(parser: Parser) -> None:
    parser.rest_after = "--"
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="name, case (NAME[depth=3]) or file")
    parser.add_argument("--arch", metavar="ARCH", help="architecture of the guest")
    parser.add_argument("--at", type=integer("--at", 0, 65_535), metavar="STEP", help="number of the step, from 0")
    add_guest(parser, NAME, "SCENARIO --arch ARCH --at STEP", "ARGUMENT ...")
    parser.add_argument("--gdb-command", metavar="FILE", help="run gdb's commands of a file there, and end")
    parser.add_argument("--api", metavar="NAME", help="revision (default: merged)")
    parser.add_argument("--impl", metavar="NAME", help="implementation (default: module)")
    add(parser, "--personality", "--debug-info")
