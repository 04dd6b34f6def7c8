# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu setup`: fetches and builds what guests need."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "setup"
HELP = "fetch and build what guests need, and no more"


def flags(parser: Parser) -> None:
    add(parser, "--arch", "--kernel", "--transport")
    parser.add_argument("--update", action="store_true", help="resolve the kernel's version again")
    add(parser, "--offline", help="only check that everything is there")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.session.setup import setup
        from lazymmu.session.shared_cache import shared_cache
    with shared_cache():
        return setup(arguments)
