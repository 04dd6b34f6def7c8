# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu bench`: measures the harness on this machine, beside the obvious way of doing the same."""

from argparse import Namespace

from lazymmu.flags import add, integer
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "bench"
HELP = "measure the harness on this machine"

_MAX_REPETITIONS = 100


def flags(parser: Parser) -> None:
    add(parser, "--arch")
    parser.add_argument(
        "--repetitions",
        type=integer("--repetitions", 1, _MAX_REPETITIONS),
        default=5,
        metavar="N",
        help="of each figure (default: 5)",
    )
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.bench.run import bench
        from lazymmu.session.shared_cache import shared_cache
    with shared_cache():
        return bench(arguments)
