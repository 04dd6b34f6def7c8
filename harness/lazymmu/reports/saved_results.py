# SPDX-License-Identifier: GPL-2.0-only
"""Reads the JSON document of a run from a file or a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.reports.results_folder import RESULTS, RUN
from lazymmu.results.result import Named, Outcome
from lazymmu.subject.case import Values
from lazymmu.support.errors import UsageError

_HINT = "`lazymmu run --json FILE` and --out DIR write results"


class SavedResult(Named, Struct, frozen=True):
    """The fields of a result that `compare` needs; documents of earlier versions have them, too."""

    scenario_name: str = field(name="scenario")
    values: Values = field(name="case")
    arch: str
    api: str
    impl: str
    kernel: str
    outcome: Outcome
    reason: str
    seconds: float
    known: str = ""


class SavedRun(Struct, frozen=True):
    """The results of one run."""

    schema: Literal[1]
    results: tuple[SavedResult, ...]
    selected: int = 0
    interrupted: bool = False
    #: The document, for messages.
    path: str = ""


def read(name: str) -> SavedRun:
    """Return the run in a file or results folder. Raises UsageError with path and reason if there is none."""
    path = Path(name)
    if path.is_dir():
        path /= RESULTS
        if not path.exists() and (path.parent / RUN).exists():
            raise UsageError(f"{path.parent}: this run has not ended: there is no {RESULTS}")
    try:
        return replace(msgspec.json.decode(path.read_bytes(), type=SavedRun), path=str(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: not the results of a run: {error}", hint=_HINT) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
