# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu completion`: prints the completion of a shell, by shtab."""

from __future__ import annotations

from argparse import Namespace

from lazymmu import flags as shared
from lazymmu.commands import COMMANDS
from lazymmu.parser import Parser, whole_parser
from lazymmu.support.interrupts import importing

NAME = "completion"
HELP = "print a shell's completion, for `eval` or a file"

_SHELLS = ("bash", "zsh", "tcsh")


def flags(parser: Parser) -> None:
    parser.add_argument("shell", type=shared.one_of("shell", _SHELLS), metavar="SHELL", help=", ".join(_SHELLS))


def main(arguments: Namespace) -> int:
    with importing():
        import shtab
    parser = whole_parser(COMMANDS.values(), flags=True)
    print(shtab.complete(parser, arguments.shell))
    return 0
