# SPDX-License-Identifier: GPL-2.0-only
"""JSON documents for other programs. Their keys are fixed; additions are possible (docs/command-line.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lazymmu.results.result import Unit
from lazymmu.subject.trace import Skip, Trace

#: The schema number of every document. It changes if a key changes its meaning.
SCHEMA = 1


def predict_document(predictions: Sequence[tuple[Unit, Trace | Skip]], *, trace: bool) -> dict[str, Any]:
    """Return the document of `lazymmu predict`; `trace`: with the steps of every trace."""
    return {"schema": SCHEMA, "predictions": [_prediction(*entry, trace=trace) for entry in predictions]}


def _prediction(unit: Unit, prediction: Trace | Skip, *, trace: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "scenario": unit.scenario.name,
        "case": dict(unit.values),
        "arch": unit.arch,
        "api": unit.api,
        "impl": unit.impl,
        "kernel": unit.kernel,
        "predicted": None if isinstance(prediction, Skip) else prediction.to_json(steps=trace),
        "skip": prediction.reason if isinstance(prediction, Skip) else None,
    }
    return {**document, "personality": unit.personality} if unit.scenario.personality else document


def text(document: Mapping[str, Any]) -> str:
    """Return the text of a document."""
    return json.dumps(document, indent=1) + "\n"
