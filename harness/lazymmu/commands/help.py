# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu help`: prints the help of a command, or of all."""

from __future__ import annotations

from argparse import Namespace

from lazymmu.commands import COMMANDS
from lazymmu.parser import Parser, command_parser, whole_parser

NAME = "help"
HELP = "print the help of a command, or of all"


def flags(parser: Parser) -> None:
    parser.add_argument("topic", nargs="?", metavar="COMMAND", help="command (default: all)")


def main(arguments: Namespace) -> int:
    topic = arguments.topic
    parser = command_parser(COMMANDS.pick(topic)) if topic else whole_parser(COMMANDS.values())
    parser.print_help()
    return 0
