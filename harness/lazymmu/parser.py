# SPDX-License-Identifier: GPL-2.0-only
"""The parsers of the command line, put together from the catalogue of commands."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from lazymmu.support.catalogue import Catalogue
from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.suggestions import suggestion

_STATUSES = (
    "exit status: 0 all passed, 1 a wrong implementation, 2 wrong usage or scenario, 3 a machine or tool failed, "
    "130 interrupted. `lazymmu help words` explains unit, revision, hook letters and the other words."
)


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError, and suggests the flag that a mistyped one was meant to be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of argparse's parser. Flags cannot be abbreviated."""
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})
        #: The words after this one are not parsed; they are `arguments.words`. If it is empty, no word is.
        self.rest_after: str | None = None
        #: Name of a file that would have added arguments -> why it is broken.
        self.broken: Mapping[str, SetupError] = {}

    def format_help(self) -> str:
        """Return the help, with a line for each file that is broken and therefore not in it."""
        return super().format_help() + broken_lines(self.broken)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message.removeprefix("argument "), hint=f"`{self.prog} --help` lists the arguments")

    def read(self, words: Sequence[str], **others: object) -> Namespace:
        """Return the arguments in these words, with `others` beside them.

        Raises UsageError, or SetupError for an argument of a broken file.
        """
        own, rest = self._split(words)
        arguments, unknown = self.parse_known_args(own, Namespace(words=rest, **others))
        if unknown:
            flag = unknown[0].partition("=")[0]
            error = self.broken.get(flag.lstrip("-").replace("-", "_"))
            if error is not None:
                raise error
            self.error(f"unknown argument `{flag}`{suggestion(flag, self._option_string_actions)}")
        return arguments

    def _split(self, words: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
        if self.rest_after == "":
            return (), tuple(words)
        if self.rest_after is None or self.rest_after not in words:
            return words, ()
        end = list(words).index(self.rest_after)
        if end + 1 == len(words):
            self.error(f"a command is needed after {self.rest_after}")
        return words[:end], tuple(words[end + 1 :])


class Command(Protocol):
    """What each file in commands/ defines."""

    #: The word on the command line.
    NAME: str
    #: One line for `lazymmu --help`.
    HELP: str

    def flags(self, parser: Parser) -> None:
        """Add the command's arguments to its parser."""

    def main(self, arguments: Namespace) -> int:
        """Run the command. Returns the exit status.

        `arguments` also has `command`, the name, `command_line`, the words as given, and `words` (see `Parser`).
        """


def broken_lines(broken: Mapping[str, SetupError]) -> str:
    """Return a line for each broken file."""
    return "".join(f"broken: {' '.join(error.message.split())}\n" for error in broken.values())


def command_parser(command: Command) -> Parser:
    """Return the parser of one command."""
    parser = Parser(prog=f"lazymmu {command.NAME}", description=command.HELP)
    command.flags(parser)
    return parser


def whole_parser(
    commands: Catalogue[Command], add_flags: Callable[[Command, Parser], None] = lambda _command, _parser: None
) -> Parser:
    """Return the parser of the whole command line. Its commands have only the flags that `add_flags` adds."""
    whole = Parser(
        prog="lazymmu",
        description="Checks nested lazy MMU mode on emulated guests against a model.",
        epilog=_STATUSES,
    )
    whole.broken = commands.broken
    whole.add_argument("--version", action="store_true", help="print the version")
    subparsers = whole.add_subparsers(dest="command", metavar="COMMAND")
    for command in commands.values():
        add_flags(command, subparsers.add_parser(command.NAME, help=command.HELP))
    return whole
