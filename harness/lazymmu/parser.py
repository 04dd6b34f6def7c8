# SPDX-License-Identifier: GPL-2.0-only
"""The parsers of the command line, put together from the catalogue of commands."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, Protocol

from lazymmu.support.errors import UsageError
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

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message.removeprefix("argument "), hint=f"`{self.prog} --help` lists the arguments")

    def read(self, words: Sequence[str], **others: object) -> Namespace:
        """Return the arguments in these words, with `others` beside them. Raises UsageError."""
        own, rest = self._split(words)
        arguments, unknown = self.parse_known_args(own, Namespace(words=rest, **others))
        if unknown:
            flag = unknown[0].partition("=")[0]
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


def command_parser(command: Command) -> Parser:
    """Return the parser of one command."""
    parser = Parser(prog=f"lazymmu {command.NAME}", description=command.HELP)
    command.flags(parser)
    return parser


def whole_parser(commands: Iterable[Command], add_flags: Callable[[Command, Parser], None] | None = None) -> Parser:
    """Return the parser of the whole command line. Its commands have only the flags that `add_flags` adds."""
    whole = Parser(
        prog="lazymmu",
        description="Checks nested lazy MMU mode on emulated guests against a model.",
        epilog=_STATUSES,
    )
    whole.add_argument("--version", action="store_true", help="print the version")
    subparsers = whole.add_subparsers(dest="command", metavar="COMMAND")
    for command in commands:
        parser = subparsers.add_parser(command.NAME, help=command.HELP)
        if add_flags is not None:
            add_flags(command, parser)
    return whole
