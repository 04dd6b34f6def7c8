# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu kernels`: shows what each kernel of the catalogue is on each architecture, or why it cannot be had."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "kernels"
HELP = "show each kernel, and why one cannot be had"


def flags(parser: Parser) -> None:
    parser.add_argument("--update", action="store_true", help="ask apt now; otherwise the network is not used")
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.session.kernels import kernels
    return kernels(arguments)
