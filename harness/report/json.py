# SPDX-License-Identifier: GPL-2.0-only
"""The JSON documents that other programs read; keys are fixed, additions are fine (docs/command-line.md)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.result import Outcome, Result, Unit
from harness.core.trace import Trace

_SCHEMA = 1


def summary(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results there are of each outcome."""
    counts = Counter(result.outcome for result in results)
    return {str(outcome): counts[outcome] for outcome in Outcome}


def run_document(
    results: Sequence[Result], *, trace: bool, accelerators: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Return the document of `lazymmu run`; `accelerators` gives name and reason by architecture."""
    return {
        "schema": _SCHEMA,
        "results": [result.to_json(trace=trace) for result in results],
        "summary": summary(results),
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


def write(document: Mapping[str, Any], target: str) -> None:
    """Write a document to a file, whole or not at all; `-` is standard output."""
    text = json.dumps(document, indent=1) + "\n"
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(target)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
