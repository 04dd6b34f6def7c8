# SPDX-License-Identifier: GPL-2.0-only
"""Reads the files of `tables/`, with the presets of `presets.yaml`, and compiles them into one table.

A new architecture adds a file with the lines that only its kernel prints. The order of the tables has no meaning, so no
two of them describe the same line, unless one row is a fallback.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from lazymmu.scenario.strict_yaml import nodes
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.support.errors import SetupError

T = TypeVar("T")


class Severity(StrEnum):
    """How much of a guest is left after a finding; the worst is last."""

    #: The kernel reported a WARN() and continues. A scenario may allow it.
    WARNING = "warning"
    #: The guest may still answer, but its kernel cannot be trusted: an oops, a BUG(), a lockup, a stall.
    ERROR = "error"
    #: The guest is dead: the kernel panicked or QEMU aborted.
    FATAL = "fatal"


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A line that a table describes. With `like: NAME` in a file, its other fields are those of that preset."""

    kind: str
    #: Regular expression for the start of the record. Its groups must be named.
    begins: str
    #: The finding's title. It may hold the groups of `begins`, `{line}` for the whole line, `{where}` for " in
    #: FUNCTION" from the registers, and `{message}` for ": TEXT" from a WARN().
    title: str
    #: Regular expression for what is before `begins`.
    prefix: str = ""
    severity: Severity = Severity.ERROR
    #: Regular expression for the start of the report's last line. Without one, or if that line is missing, the report
    #: ends at the first line that no table's `dump` describes. A report always ends where another begins.
    until: str = ""
    #: Whether lines of a dump after the last line belong to the report, too.
    tail: bool = True
    #: Whether all following lines belong to the report.
    everything: bool = False
    #: The sort of report that the line belongs to. The lines of one report have ascending stages; a line of the same
    #: or an earlier stage begins another report. A row without a sort is a report of its own.
    report: str = ""
    #: The stages at which the line may appear.
    stages: tuple[int, ...] = (1,)
    #: The group of `begins` in which the lines of one report agree; empty if there is none.
    about: str = ""
    #: The line with the largest weight, the first of equals, gives the finding its kind, title and extent. A report
    #: whose lines all weigh 0 is not a finding.
    weight: int = 2
    #: Whether the title loses addresses and folders, which differ between runs.
    varies: bool = True
    #: Whether the line may begin in the middle of a record. `begins` must then start with plain text, for speed.
    anywhere: bool = False
    #: Whether the line can begin a report.
    opens: bool = True
    #: True for a CPU fault or a BUG(). False if the kernel continues after the report: a fault inside it begins another
    #: report. None if either can follow.
    fault: bool | None = None
    #: Whether the row counts only if no other row describes the line.
    fallback: bool = False

    @property
    def expression(self) -> str:
        """The regular expression for the start of the record."""
        return self.prefix + self.begins

    def groups(self, record: str) -> dict[str, str]:
        """Return the groups of `begins` in a record that the row describes."""
        match = re.match(self.expression, record.lstrip())
        return match.groupdict("") if match else {}


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of `tables/`."""

    #: Lines that begin a report of trouble, or say more about it.
    rows: tuple[Row, ...]
    #: Whether the host prints the lines (QEMU, or what starts it), and no guest.
    of_host: bool = False
    #: Regular expressions for the start of lines in a report that say where the kernel was: registers, stacks, modules.
    dump: tuple[str, ...] = ()
    #: The same for lines that nothing but a report has. A report continues with one after a few foreign lines.
    unmistakable: tuple[str, ...] = ()
    #: Those of `unmistakable` that a report has only once.
    once: tuple[str, ...] = ()
    #: Regular expression for a register line up to the name of the function; empty if the table is of no architecture.
    program_counter: str = ""


_FOLDER = Path(__file__).parent
_KIND = "table of console lines"
# The fields that a preset need not have.
_NO_FIELDS = {"kind": "", "begins": "", "title": ""}
_GROUP_NAME = re.compile(r"\(\?P<(\w+)>")
# The function of a register line, with its module.
_FUNCTION = r"(?P<function>[A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?P<module> \[\w+\])?"
# Matches an expression that closes all its brackets. An open one would end in the next expression of the whole.
_CLOSED = re.compile(r"(?:[^\\\[]|\\.|\[\^?\]?(?:[^\]\\]|\\.)*+\])*+")
# What a title may hold beside the groups of its row (see `Row.title`).
_TITLE_WORDS = {"line", "where", "message"}


class WholeTable(Struct, frozen=True, dict=True):
    """All tables that describe one stream, compiled; what a console without trouble does not need, on first use."""

    rows: tuple[Row, ...]
    #: Matches the line of any row. The last group's name is r and the row's index.
    any_row: re.Pattern[str]
    #: Finds what may begin in the middle of a record.
    anywhere: re.Pattern[str]
    dump: re.Pattern[str]
    #: Expressions that `dump` has, too: so they are right.
    unmistakable_lines: tuple[str, ...]
    once_lines: tuple[str, ...]
    counters: str

    @cached_property
    def unmistakable(self) -> re.Pattern[str]:
        """Matches a line that can only be a part of a report."""
        return re.compile("|".join(self.unmistakable_lines))

    @cached_property
    def once(self) -> tuple[re.Pattern[str], ...]:
        """Each matches a line that a report has only once."""
        return tuple(map(re.compile, self.once_lines))

    @cached_property
    def program_counter(self) -> re.Pattern[str]:
        """Matches a register line that names a function."""
        return re.compile(self.counters + _FUNCTION)

    def row_of(self, record: str) -> Row | None:
        """Return the row that describes a record. Blanks before it do not matter."""
        match = self.any_row.match(record) if record else None
        return self.rows[int(str(match.lastgroup)[1:])] if match else None

    def is_dump(self, record: str) -> bool:
        """Return whether a record is empty or says where the kernel was."""
        return not record or self.dump.match(record) is not None

    def is_unmistakable(self, record: str) -> bool:
        """Return whether a record can only be a part of a report."""
        return self.unmistakable.match(record) is not None

    def function(self, record: str) -> str:
        """Return the function, with its module in brackets, that a register line names; empty if there is none."""
        match = self.program_counter.match(record)
        return f"{match['function']}{match['module'] or ''}" if match else ""


@cache
def whole_table(*, of_host: bool = False) -> WholeTable:
    """Return all tables as one, those of the host's lines only if asked for.

    The first call takes some ms. Raises SetupError if a file of `tables/` is broken.
    """
    files = {file: table for file, table in tables().items() if of_host or not table.of_host}
    every = files.values()
    rows = sorted((row for table in every for row in table.rows), key=lambda row: row.fallback)
    counters = rf"\s*(?:{'|'.join(table.program_counter for table in every if table.program_counter)})"
    # The group is at the end so that re can skip an alternative by its first character.
    begins = [f"(?:{_GROUP_NAME.sub('(?:', row.expression)})(?P<r{n}>)" for n, row in enumerate(rows)]
    anywhere = [_GROUP_NAME.sub("(?:", row.expression) for row in rows if row.anywhere]
    once = [counters, *(line for table in every for line in table.once)]
    unmistakable = [*once, *(line for table in every for line in table.unmistakable)]
    dump = [*unmistakable, *(line for table in every for line in table.dump)]
    try:
        for line in dump:
            if not _CLOSED.fullmatch(line):
                re.compile(line)
        return WholeTable(
            rows=tuple(rows),
            any_row=re.compile(rf"\s*+(?:{'|'.join(begins)})"),
            anywhere=re.compile("|".join(anywhere)),
            dump=re.compile("|".join(dump)),
            unmistakable_lines=tuple(unmistakable),
            once_lines=tuple(once),
            counters=counters,
        )
    except re.error as error:
        for file, table in files.items():
            _check_expressions(file, table)
        raise SetupError(f"the tables of console lines are wrong only together: {error}") from error


def tables() -> Mapping[Path, Table]:
    """Return the files of `tables/`. Raises SetupError for the first that is broken."""
    presets: dict[str, Any] = {}
    for name, node in _read(_FOLDER / "presets.yaml").pairs:
        presets[name.text] = _converted(node, _plain(node, presets), dict[str, Any])
        _converted(node, _NO_FIELDS | presets[name.text], Row)
    found = {}
    for file in sorted((_FOLDER / "tables").glob("*.yaml")):
        root = _read(file)
        found[file] = table = _converted(root, _plain(root, presets), Table)
        for n, row in enumerate(table.rows):
            names = {name for _, name, _, _ in Formatter().parse(row.title) if name is not None}
            if missing := names - _TITLE_WORDS - {*_GROUP_NAME.findall(row.expression)}:
                wrong = f"the title {row.title!r} names {', '.join(sorted(missing))}, but `begins` has no such group"
                raise _mistake(root, ("rows", str(n), "title"), wrong)
    return found


def _read(file: Path) -> nodes.Table:
    """Return what a file holds."""
    problems = Problems()
    text = read_text(str(file), problems, _KIND)
    root = None if text is None else compose(text, str(file), problems, what=_KIND)
    if root is not None and not isinstance(root, nodes.Table):
        problems.add_once(root.place, f"a {_KIND} is a mapping")
    if problems or not isinstance(root, nodes.Table):
        raise SetupError("\n".join(map(str, problems.found)))
    return root


def _plain(node: nodes.Node, presets: Mapping[str, Any]) -> Any:
    """Return a part of a file as mappings, lists and strings, each `like` replaced by the fields of that preset."""
    if isinstance(node, nodes.Listing):
        return [_plain(item, presets) for item in node.items]
    if not isinstance(node, nodes.Table):
        return node.text if isinstance(node, nodes.Scalar) else None
    fields = {key.text: _plain(value, presets) for key, value in node.pairs}
    if "like" not in fields:
        return fields
    if (like := str(fields.pop("like"))) not in presets:
        raise _mistake(node, ("like",), f"no preset `{like}` (known: {', '.join(presets)})")
    return presets[like] | fields


def _converted(root: nodes.Node, data: object, wanted: type[T]) -> T:
    """Return a part of a file as this type."""
    try:
        return convert(data, wanted, strict=False)
    except ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise _mistake(root, re.findall(r"\w+", path), message) from error


def _check_expressions(file: Path, table: Table) -> None:
    """Raise SetupError for the first wrong regular expression of a file."""
    rows = {("rows", str(n), "begins"): row.expression for n, row in enumerate(table.rows)}
    lists = {
        (name, str(n)): line for name in ("dump", "unmistakable", "once") for n, line in enumerate(getattr(table, name))
    }
    for path, expression in (rows | lists | {("program_counter",): table.program_counter}).items():
        try:
            re.compile(expression)
        except re.error as error:
            raise _mistake(_read(file), path, f"wrong regular expression {expression!r}: {error}") from error


def _mistake(node: nodes.Node, path: Iterable[str], message: str) -> SetupError:
    """Return the error about the part of a node with this path of keys and positions, or about what is around it."""
    for step in path:
        if isinstance(node, nodes.Listing):
            node = node.items[int(step)]
        elif isinstance(node, nodes.Table):
            node = next((value for key, value in node.pairs if key.text == step), node)
    return SetupError(f"{node.place}: {message}")
