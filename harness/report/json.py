# SPDX-License-Identifier: GPL-2.0-only
"""The JSON documents that other programs read; keys are fixed, additions are fine (docs/command-line.md)."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.result import Outcome, Result, Unit
from harness.core.trace import Trace

_SCHEMA = 1


def summary(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results there are of each outcome."""
    counts = Counter(result.outcome for result in results)
    return {str(outcome): counts[outcome] for outcome in Outcome}


def run_document(
    results: Sequence[Result],
    *,
    trace: bool,
    accelerators: Mapping[str, tuple[str, str]],
    selected: int,
    interrupted: bool,
) -> dict[str, Any]:
    """Return the document of `lazymmu run`.

    `accelerators` gives name and reason by architecture, `selected` how many results there would be without an
    interrupt.
    """
    return {
        "schema": _SCHEMA,
        "results": [result.to_json(trace=trace) for result in results],
        "summary": summary(results),
        "selected": selected,
        "interrupted": interrupted,
        "accelerators": {arch: {"name": name, "reason": why} for arch, (name, why) in accelerators.items()},
    }


def predict_document(predictions: Sequence[tuple[Unit, Trace]], *, trace: bool) -> dict[str, Any]:
    """Return the document of `lazymmu predict`."""
    return {
        "schema": _SCHEMA,
        "predictions": [
            {
                "scenario": unit.scenario.name,
                "case": dict(unit.case.values),
                "arch": unit.arch,
                "api": unit.api,
                "predicted": predicted.to_json(steps=trace),
                "skip": None,
            }
            for unit, predicted in predictions
        ],
    }


@dataclass(frozen=True, slots=True)
class Target:
    """Where a document goes: `-` for standard output, a file, or anything else that can be written."""

    name: str

    @classmethod
    def checked(cls, name: str) -> Target:
        """Return the target; UsageError when nothing can be written there.

        A file of an earlier run is removed, so that it cannot be taken for this one's.
        """
        target = cls(name)
        if name == "-":
            return target
        path = Path(name)
        if not name or path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(f"--json `{name}` is not a file in a folder that exists")
        try:
            if target._regular():
                path.unlink(missing_ok=True)
                path.touch()
                path.unlink()
        except OSError as error:
            raise UsageError(f"--json `{name}` cannot be written: {error.strerror}") from error
        return target

    def _regular(self) -> bool:
        """Return whether it is, or will be, a file of its own: not a device, a pipe or a link."""
        path = Path(self.name)
        return not path.is_symlink() and (path.is_file() or not path.exists())

    def write(self, document: Mapping[str, Any]) -> None:
        """Write a document, to a file whole or not at all."""
        text = json.dumps(document, indent=1) + "\n"
        path = Path(self.name)
        if self.name == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        elif not self._regular():
            path.write_text(text, encoding="utf-8")
        else:
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                partial.write_text(text, encoding="utf-8")
                partial.rename(path)
            finally:
                partial.unlink(missing_ok=True)
