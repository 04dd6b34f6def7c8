# SPDX-License-Identifier: GPL-2.0-only
"""Every lazymmu command in the documents is one that the command line takes."""

from functools import cache
from pathlib import Path

import pytest
from lazymmu.commands import COMMANDS
from lazymmu.parser import Parser, command_parser
from lazymmu.support.errors import UsageError

from tests.documents import DOCUMENTS, mentioned, name


@cache
def parser(command: str) -> Parser:
    return command_parser(COMMANDS.pick(command))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_command_line_takes_each_command(document: Path) -> None:
    # Recipes add what the commands in them name; another test follows them.
    text = document.read_text().partition("## Recipes")[0]
    for command in mentioned(text):
        where = f"{name(document)}:{command.line}"
        if len(command.words) < 2 or "--help" in command.words:
            # Prose that names a command; `--help` ends the process.
            assert {*command.words[:1]} <= {*COMMANDS, "--version"}, where
            continue
        try:
            parser(command.words[0]).read(command.words[1:])
        except UsageError as error:
            pytest.fail(f"{where}: {error}")
