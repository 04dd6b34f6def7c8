# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu survey`: runs everything on every kernel that resolves, and writes one page of it."""

from lazymmu.commands import imported, run
from lazymmu.flags import add
from lazymmu.parser import Parser, command_parser

NAME = "survey"
HELP = "run everything on every kernel, for one page"
main = imported("lazymmu.session.survey:survey")


def flags(parser: Parser) -> None:
    # A survey consists of runs, so it has the values of their other flags.
    parser.set_defaults(**vars(command_parser(run).parse_args([])))
    add(parser, "scenarios", "--arch")
    add(parser, "--kernel", help="kernel; may be repeated (default: all that resolve)")
    add(parser, "--tag", "--exclude")
    parser.add_argument("--page", metavar="FILE", help="write the page in Markdown (default: to standard output)")
    add(parser, "--jobs", "--timeout-scale", "--offline")
