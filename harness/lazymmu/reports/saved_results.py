# SPDX-License-Identifier: GPL-2.0-only
"""Reads a document of `lazymmu run` again, from its file or from a results folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.reports.json import SCHEMA
from lazymmu.reports.results_folder import RESULTS, RUN
from lazymmu.results.result import Outcome
from lazymmu.subject.implementations import MODULE
from lazymmu.support.errors import UsageError
from lazymmu.support.machine_names import machine_name


class Record(Struct, frozen=True):
    """One result of a document, as far as two of them are compared."""

    scenario: str
    case: Mapping[str, Any]
    arch: str
    api: str
    impl: str
    kernel: str
    outcome: Outcome
    reason: str
    seconds: float
    known: str

    def label(self) -> str:
        """Return the name of what was run, as `nesting/deep[depth=3] merged on arm64`."""
        api = self.api if self.impl == MODULE else f"{self.api} {self.impl}"
        values = ",".join(f"{name}={value}" for name, value in self.case.items())
        return f"{self.scenario}{f'[{values}]' if values else ''} {api} on {machine_name(self.arch, self.kernel)}"


class Document(Struct, frozen=True):
    """The results of one run."""

    #: The file, as messages show it.
    path: str
    records: Sequence[Record]
    selected: int
    interrupted: bool


class _Wrong(Exception):
    """Something in the document is not as it should be; the text says where."""


#: Key of a result -> the types that its value may have.
_KEYS: Mapping[str, tuple[type, ...]] = {
    "scenario": (str,),
    "case": (dict,),
    "arch": (str,),
    "api": (str,),
    "impl": (str,),
    "kernel": (str,),
    "outcome": (str,),
    "reason": (str,),
    "seconds": (int, float),
}
_TYPES = {str: "a string", dict: "an object", int: "a number", float: "a number", list: "a list", bool: "true or false"}


def read(name: str) -> Document:
    """Return the document in a file or results folder; UsageError with path and reason when there is none."""
    path = Path(name)
    if path.is_dir():
        path = path / RESULTS
        if not path.exists() and (path.parent / RUN).exists():
            raise UsageError(f"{path.parent}: this run did not come to its end: there is no {RESULTS}")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    try:
        return _document(str(path), document)
    except _Wrong as error:
        raise UsageError(f"{path}: {error}", hint="results are written by `lazymmu run --json FILE` or --out") from None


def _document(path: str, document: Any) -> Document:
    if isinstance(document, dict) and "predictions" in document:
        raise _Wrong("predictions, not results of a run")
    _need(document, "", dict)
    if document.get("schema") != SCHEMA:
        raise _Wrong(f"schema: {SCHEMA} is needed, not {json.dumps(document.get('schema'))[:40]}")
    results = _need(document.get("results"), "results", list)
    return Document(
        path=path,
        records=tuple(_record(result, f"results[{number}]") for number, result in enumerate(results)),
        selected=_need(document.get("selected", len(results)), "selected", int),
        interrupted=_need(document.get("interrupted", False), "interrupted", bool),
    )


def _record(result: Any, where: str) -> Record:
    _need(result, where, dict)
    values = {key: _need(result.get(key), f"{where}.{key}", *types) for key, types in _KEYS.items()}
    if values["outcome"] not in list(Outcome):
        raise _Wrong(f"{where}.outcome: `{values['outcome'][:40]}` is none of {', '.join(Outcome)}")
    values["outcome"] = Outcome(values["outcome"])
    return Record(**values, known=_need(result.get("known", ""), f"{where}.known", str))


def _need(value: Any, where: str, *types: type) -> Any:
    """Return the value when it has one of the types; a boolean is no number."""
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return value
    found = "nothing" if value is None else _TYPES.get(type(value), type(value).__name__)
    raise _Wrong(f"{where or 'the document'}: {_TYPES[types[0]]} is needed, not {found}")
