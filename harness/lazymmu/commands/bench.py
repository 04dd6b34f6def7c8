# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu bench`: measures the harness on this machine, beside the obvious way of doing the same."""

from __future__ import annotations

from argparse import Namespace

from lazymmu import flags as shared
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "bench"
HELP = "measure the harness on this machine"

_MAX_REPETITIONS = 100


def flags(parser: Parser) -> None:
    shared.arch(parser)
    parser.add_argument(
        "--repetitions",
        type=shared.integer("--repetitions", 1, _MAX_REPETITIONS),
        default=5,
        metavar="N",
        help="of each figure (default: 5)",
    )
    shared.json(parser, "all figures")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.bench.run import bench
        from lazymmu.session.shared_cache import shared_cache
    with shared_cache():
        return bench(arguments)
