# SPDX-License-Identifier: GPL-2.0-only
"""The JSON document of a run. Its keys are fixed; additions are possible (docs/command-line.md)."""

import json
from typing import Any, TextIO

from msgspec.structs import asdict

from lazymmu.reports import reproduce
from lazymmu.reports.destination import SCHEMA
from lazymmu.results.failure_groups import FailureGroup
from lazymmu.results.result import Outcome
from lazymmu.results.run_summary import RunSummary

NAME = "json"
FLAG = "--json"
HELP = "write results as JSON; - is standard output"

#: After it, each result has a line of its own.
FIRST_LINE = f'{{"schema": {SCHEMA}, "results": [\n'


def _cause(run: RunSummary, group: FailureGroup) -> dict[str, Any]:
    first = group.first
    return {
        "outcome": str(first.outcome),
        "title": group.title,
        "function": asdict(group.function) if group.function else None,
        "results": list(group.numbers),
        "reproduce": None if first.raw_outcome is Outcome.SKIP else reproduce.command(run, first),
    }


def write(run: RunSummary, file: TextIO) -> None:
    """Write the document, with each result on a line of its own."""
    file.write(FIRST_LINE)
    before = ""
    for line in run.results.lines():
        file.write(before + line.decode())
        before = ",\n"
    rest: dict[str, Any] = {
        "summary": run.results.summary(),
        "selected": run.results.selected,
        "interrupted": run.interrupted,
        "accelerators": {machine: {"name": name, "reason": why} for machine, (name, why) in run.accelerators.items()},
    }
    if run.stopped:
        rest["stopped"] = run.stopped
    if shard := run.facts.get("shard"):
        rest["shard"] = {"shard": shard["shard"], "selected": shard["selected"]}
    if run.seed is not None:
        rest["shuffle"] = run.seed
    rest |= {key: run.facts[key] for key in ("text", "patch_applied") if key in run.facts}
    rest["causes"] = [_cause(run, group) for group in run.groups]
    if run.known is not None:
        rest["known"] = [issue.to_json() for issue in run.known]
    file.write(("\n" if before else "") + "], " + json.dumps(rest).removeprefix("{") + "\n")
