# SPDX-License-Identifier: GPL-2.0-only
"""The JSON documents that other programs read; keys are fixed, additions are fine (docs/command-line.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lazymmu.results.result import Unit
from lazymmu.results.run_summary import Finished
from lazymmu.subject.trace import Skip, Trace

#: Of all documents; raised when a key changes its meaning.
SCHEMA = 1


def run_document(run: Finished) -> Iterator[str]:
    """Yield the document of `lazymmu run` in pieces: it is never in memory as a whole."""
    yield f'{{"schema": {SCHEMA}, "results": ['
    before = "\n"
    for position in run.results.positions():
        yield before + run.results.line(position).decode()
        before = ",\n"
    rest: dict[str, Any] = {
        "summary": run.results.summary(),
        "selected": len(run.results.units),
        "interrupted": run.interrupted,
        "accelerators": {machine: {"name": name, "reason": why} for machine, (name, why) in run.accelerators.items()},
    }
    if run.seed is not None:
        rest["shuffle"] = run.seed
    if run.known is not None:
        rest["known"] = [standing.to_json() for standing in run.known]
    yield "\n], " + json.dumps(rest).removeprefix("{") + "\n"


def predict_document(predictions: Sequence[tuple[Unit, Trace | Skip]], *, trace: bool) -> dict[str, Any]:
    """Return the document of `lazymmu predict`."""
    return {"schema": SCHEMA, "predictions": [_prediction(unit, said, trace=trace) for unit, said in predictions]}


def _prediction(unit: Unit, said: Trace | Skip, *, trace: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "scenario": unit.scenario.name,
        "case": dict(unit.values),
        "arch": unit.arch,
        "api": unit.api,
        "impl": unit.impl,
        "kernel": unit.kernel,
        "predicted": None if isinstance(said, Skip) else said.to_json(steps=trace),
        "skip": said.reason if isinstance(said, Skip) else None,
    }
    return {**document, "personality": unit.personality} if unit.scenario.personality else document


def text(document: Mapping[str, Any]) -> str:
    """Return a document as it is written."""
    return json.dumps(document, indent=1) + "\n"
