# SPDX-License-Identifier: GPL-2.0-only
"""The C functions under test that perform operations: in guest/module, in a header's text, or in the kernel."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.header.functions import definitions
from lazymmu.header.lines import UnreadableError, bare, logical
from lazymmu.results.result import Result
from lazymmu.subject.implementations import HEADER, MODULE
from lazymmu.subject.operations import OPERATIONS, Kind
from lazymmu.support.project import MODULE_SOURCE, ROOT

_PGTABLE = "include/linux/pgtable.h"
_MACRO = re.compile(r"^#define (\w+) +(.*)$", re.MULTILINE)
# A revision, a personality or an operation in the module's tables, and the functions that it names there.
_ENTRY = re.compile(r'\.name\s*=\s*"([\w-]+)"((?:(?!\.name\s*=|^\};).)*)', re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"\.(\w+)\s*=\s*(\w+)")
#: Operation -> the function of a personality (struct lmm_arch) that does it.
_OF_PERSONALITY = {
    **dict.fromkeys(("set_pte", "clear_pte"), "write"),
    "get_pte": "read",
    "flush": "flush",
    "fork": "fork",
    **dict.fromkeys(("switch", "migrate", "sleep"), "switch_out"),
}


class Function(Struct, frozen=True):
    """A function, and where it begins; the line is 0 where it is not known."""

    name: str
    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.name}() in {self.file}{f':{self.line}' if self.line else ''}"


def of_operation(result: Result, operation: str, personality: str | None, text: Mapping[str, Any]) -> Function | None:
    """Return the function that performs an operation; None if no single one does.

    `personality` names it if the personality decides what the operation does, not the revision. `text` is what run.json
    says of --header or --patch.
    """
    by_revision = operation in OPERATIONS and OPERATIONS[operation].by_revision
    if result.impl != MODULE and by_revision:
        for one in text.get("functions", ()) if result.impl == HEADER else ():
            if one["operation"] == operation:
                return Function(one["function"], text["file"], one["line"])
        is_of_task = OPERATIONS[operation].kind is Kind.TASK_CALL
        name = f"__task_lazy_mmu_mode_{operation.removesuffix('_task')}" if is_of_task else f"lazy_mmu_mode_{operation}"
        return None if result.impl == HEADER else Function(name, f"{_PGTABLE} of Linux {result.release}")
    if by_revision:
        table, name, field = "api_*.c", result.api, operation
    elif personality is None:
        table, name, field = "tables.c", operation, "run"
    else:
        table, name, field = "arch_*.c", personality, _OF_PERSONALITY.get(operation, "")
    function = _tables(table).get(name, {}).get(field)
    return of_module(function) if function else None


@cache
def of_module(name: str) -> Function | None:
    """Return the function of this name in guest/module; None if there is none."""
    for path in sorted(MODULE_SOURCE.glob("*.c")):
        text = _text(path)
        if f"{name}(" in text and (line := definitions(text.split("\n")).functions.get(name)):
            return Function(name, str(path.relative_to(ROOT)), line)
    return None


@cache
def _tables(pattern: str) -> dict[str, dict[str, str]]:
    """Return name -> field -> function of the entries of the module's tables in these files."""
    return {name: fields for path in sorted(MODULE_SOURCE.glob(pattern)) for name, fields in _entries(path)}


def _entries(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    text = "\n".join(line for _, _, line in logical(_content(path)))
    macros = dict(_MACRO.findall(text))
    if macros:
        text = re.sub(rf"(?<!#define )\b({'|'.join(macros)})\b", lambda found: macros[found[1]], text)
    for name, rest in _ENTRY.findall(text):
        yield name, dict(_FIELD.findall(rest))


def _text(path: Path) -> str:
    """Return a file of the module without comments; empty while somebody edits it."""
    try:
        return bare(_content(path))
    except UnreadableError:
        return ""


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
