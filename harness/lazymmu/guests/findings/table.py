# SPDX-License-Identifier: GPL-2.0-only
"""Compiles the files of `tables/` into one table.

A new architecture adds a file with the lines that only its kernel prints. The order of the tables has no meaning, so no
two of them describe the same line, unless one row is a fallback.
"""

import re
from functools import cache
from pathlib import Path
from string import Formatter
from types import ModuleType
from typing import Protocol, cast

from msgspec import Struct

from lazymmu.guests.findings.row import Row
from lazymmu.support.catalogue import Catalogue
from lazymmu.support.errors import SetupError


class Table(Protocol):
    """One file of `tables/`."""

    NAME: str
    #: Lines that begin a report of trouble, or say more about it.
    ROWS: tuple[Row, ...]
    #: Regular expressions for the start of lines in a report that say where the kernel was: registers, stacks, modules.
    DUMP: tuple[str, ...]
    #: Regular expression for a register line up to the name of the function; empty if the table is of no architecture.
    PROGRAM_COUNTER: str


TABLES: Catalogue[Table] = Catalogue(
    "lazymmu.guests.findings.tables", "table of console lines", {"ROWS": tuple, "DUMP": tuple, "PROGRAM_COUNTER": str}
)
_GROUP_NAME = re.compile(r"\(\?P<(\w+)>")
# What a title may hold beside the groups of its row (see `Row.title`).
_TITLE_WORDS = {"line", "where", "message"}


class WholeTable(Struct, frozen=True):
    """All tables, compiled."""

    rows: tuple[Row, ...]
    #: Matches the line of any row. The last group's name is r and the row's index.
    any_row: re.Pattern[str]
    dump: re.Pattern[str]
    program_counter: re.Pattern[str]

    def row_of(self, record: str) -> Row | None:
        """Return the row that describes a record."""
        match = self.any_row.match(record)
        return self.rows[int(str(match.lastgroup)[1:])] if match else None

    def is_dump(self, record: str) -> bool:
        """Return whether a record is empty or says where the kernel was."""
        return not record or self.dump.match(record) is not None

    def function(self, record: str) -> str:
        """Return the function, with its module in brackets, that a register line names; empty if there is none."""
        match = self.program_counter.match(record)
        return f"{match['function']}{match['module'] or ''}" if match else ""


@cache
def whole_table() -> WholeTable:
    """Return all tables as one. The first call takes some ms. Raises SetupError if a file of `tables/` is broken."""
    tables = TABLES.every().values()
    for table in tables:
        for row in table.ROWS:
            names = {name for _, name, _, _ in Formatter().parse(row.title) if name is not None}
            if missing := names - _TITLE_WORDS - {*_GROUP_NAME.findall(row.begins)}:
                wrong = f"the title {row.title!r} names {', '.join(sorted(missing))}, which is no group"
                raise SetupError(f"{_where(table, row.title)}: {wrong}")
    rows = sorted((row for table in tables for row in table.ROWS), key=lambda row: row.fallback)
    counters = "|".join(table.PROGRAM_COUNTER for table in tables if table.PROGRAM_COUNTER)
    # The group is at the end so that re can skip an alternative by its first character.
    begins = [f"(?:{_GROUP_NAME.sub('(?:', row.begins)})(?P<r{n}>)" for n, row in enumerate(rows)]
    function = r"(?P<function>[A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?P<module> \[\w+\])?"
    try:
        return WholeTable(
            rows=tuple(rows),
            any_row=re.compile("|".join(begins)),
            dump=re.compile("|".join([counters, *(line for table in tables for line in table.DUMP)])),
            program_counter=re.compile(rf"(?:{counters}){function}"),
        )
    except re.error as error:
        for table in tables:
            _check_expressions(table)
        raise SetupError(f"the tables of console lines are wrong only together: {error}") from error


def _check_expressions(table: Table) -> None:
    """Raise SetupError for the first wrong regular expression of a table."""
    for expression in (*(row.begins for row in table.ROWS), *table.DUMP, table.PROGRAM_COUNTER):
        try:
            re.compile(expression)
        except re.error as error:
            where = _where(table, expression)
            raise SetupError(f"{where}: wrong regular expression {expression!r}: {error}") from error


def _where(table: Table, text: str) -> str:
    """Return the table's file, with the line that has this text if one has it as it is."""
    file = Path(str(cast("ModuleType", table).__file__))
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    return f"{file}:{next((number for number, line in lines if text in line), 1)}"
