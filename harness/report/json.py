# SPDX-License-Identifier: GPL-2.0-only
"""The JSON documents that other programs read; keys are fixed, additions are fine (docs/command-line.md)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.result import Outcome, Result, Unit
from harness.core.trace import Trace
from harness.report.finished import Finished

#: Of all documents; raised when a key changes its meaning.
SCHEMA = 1


def summary(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results there are of each outcome."""
    counts = Counter(result.outcome for result in results)
    return {str(outcome): counts[outcome] for outcome in Outcome}


def run_document(run: Finished) -> dict[str, Any]:
    """Return the document of `lazymmu run`."""
    document = {
        "schema": SCHEMA,
        "results": [result.to_json(trace=run.trace) for result in run.results],
        "summary": summary(run.results),
        "selected": len(run.selected),
        "interrupted": run.interrupted,
        "accelerators": {arch: {"name": name, "reason": why} for arch, (name, why) in run.accelerators.items()},
    }
    if run.seed is not None:
        document["shuffle"] = run.seed
    if run.known is not None:
        document["known"] = [standing.to_json() for standing in run.known]
    return document


def predict_document(predictions: Sequence[tuple[Unit, Trace]], *, trace: bool) -> dict[str, Any]:
    """Return the document of `lazymmu predict`."""
    return {
        "schema": SCHEMA,
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


def text(document: Mapping[str, Any]) -> str:
    """Return a document as it is written."""
    return json.dumps(document, indent=1) + "\n"
