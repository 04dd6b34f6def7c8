# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu help`: prints the help of a command, or of all, or explains the words that lazymmu uses."""

from argparse import Namespace

from lazymmu.commands import COMMANDS
from lazymmu.parser import Parser, broken_lines, command_parser, whole_parser
from lazymmu.support.interrupts import importing

NAME = "help"
HELP = "print the help of a command, or of all"

# Words that commands print without explaining them. docs/glossary.md has them all.
_WORDS = {
    "scenario": "a YAML file with steps and expectations",
    "case": "a scenario with one choice of its `vary` values",
    "machine": "an architecture with a kernel",
    "unit": "what has one result: a case with one revision and implementation on one machine",
    "outcome": "pass: as predicted; fail: not as predicted; error: no trustworthy report; skip: cannot run",
    "result": "a unit with its outcome, reason and time",
    "pin": "a value that the author states in `check`, `expect` or an answer",
    "implementation": "whose functions run: the module's, the running kernel's (native), or a header's text",
    "personality": "what an architecture defers, and how; each guest has its own unless the scenario or you name one",
    "revision": "a version of the API; your kernel has `merged` if it is Linux 7.0 or later on arm64 or x86_64",
}


def flags(parser: Parser) -> None:
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="a command, or `words` (default: all commands)")


def main(arguments: Namespace) -> int:
    topic = arguments.topic
    if topic == "words":
        _print_words()
        return 0
    parser = command_parser(COMMANDS.pick(topic)) if topic else whole_parser(COMMANDS)
    parser.print_help()
    return 0


def _print_words() -> None:
    with importing():
        import inspect

        from lazymmu.subject.counters import HOOKS
        from lazymmu.subject.personalities import PERSONALITIES
        from lazymmu.subject.revisions import REVISIONS
    for word, meaning in _WORDS.items():
        print(f"{word:<16}{meaning}")
        if word == "personality":
            for name, one in PERSONALITIES.items():
                print(f"    {name:<12}{inspect.getdoc(one.MODEL)}")
    for name, revision in REVISIONS.items():
        print(f"    {name:<12}{revision.TITLE}")
    print(f"{'hooks':<16}one letter for each call of an architecture's hook, in order")
    for letter, hook in HOOKS.items():
        print(f"    {letter:<12}{hook}")
    print(broken_lines({**PERSONALITIES.broken, **REVISIONS.broken}), end="")
