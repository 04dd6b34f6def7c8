# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu help`: prints the help of a command, or of all, or explains the words that lazymmu uses."""

from argparse import Namespace
from pathlib import Path

from lazymmu.commands import COMMANDS
from lazymmu.parser import Parser, broken_lines, command_parser, whole_parser
from lazymmu.support.interrupts import importing

NAME = "help"
HELP = "print the help of a command, or of all"

# Words that commands print without explaining them. docs/glossary.md has them all.
_WORDS = Path(__file__).with_name("words.txt")


def flags(parser: Parser) -> None:
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="a command, or `words` (default: all commands)")


def main(arguments: Namespace) -> int:
    topic = arguments.topic
    if topic != "words":
        parser = command_parser(COMMANDS.pick(topic)) if topic else whole_parser(COMMANDS)
        parser.print_help()
        return 0
    with importing():
        import inspect

        from lazymmu.subject.counters import HOOKS
        from lazymmu.subject.personalities import PERSONALITIES
        from lazymmu.subject.revisions import REVISIONS
    for line in _WORDS.read_text(encoding="utf-8").splitlines():
        print(line)
        if line.startswith("personality"):
            for name, one in PERSONALITIES.items():
                print(f"    {name:<12}{inspect.getdoc(one.MODEL)}")
    for name, revision in REVISIONS.items():
        print(f"    {name:<12}{revision.TITLE}")
    print(f"{'hooks':<16}one letter for each call of an architecture's hook, in order")
    for letter, hook in HOOKS.items():
        print(f"    {letter:<12}{hook}")
    print(broken_lines({**PERSONALITIES.broken, **REVISIONS.broken}), end="")
    return 0
