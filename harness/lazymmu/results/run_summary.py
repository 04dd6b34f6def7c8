# SPDX-License-Identifier: GPL-2.0-only
"""The summary of a run that ended or was interrupted. Every report is made from it."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.results import failure_groups
from lazymmu.results.failure_groups import FailureGroup
from lazymmu.results.known_issues import CheckedIssue
from lazymmu.results.result import Result
from lazymmu.results.store import ResultStore

#: The names of conditions that a reader should not miss.
NOT_DRIVEN, NOT_TESTED = "not driven", "not tested"


class RunSummary(Struct, frozen=True, dict=True):
    """What reports show."""

    #: The results so far of the units that were selected.
    results: ResultStore
    #: Whether it ended before all units had a result.
    interrupted: bool
    #: Machine -> its accelerator and why that was chosen, for machines that were started.
    accelerators: Mapping[str, tuple[str, str]]
    started: datetime
    #: Wall time of the command, up to the last result.
    seconds: float
    #: The seed of --shuffle; None without that flag.
    seed: int | None = None
    #: The entries of --known after the run; None without that flag.
    known: Sequence[CheckedIssue] | None = None
    #: What run.json says of the run (docs/reports.md): command, commit, versions, kernels, arguments and others.
    facts: Mapping[str, Any] = {}
    #: Lines about what the run did not look at.
    notes: Sequence[str] = ()
    #: Why lazymmu itself ended it early; empty if it did not.
    stopped: str = ""
    #: The results folder; None before there is one.
    folder: Path | None = None

    @cached_property
    def groups(self) -> list[FailureGroup]:
        """The results that are not passes, by their causes."""
        return failure_groups.groups(self.results, self.facts.get("text", {}))

    @cached_property
    def _by_cause(self) -> dict[Hashable, FailureGroup]:
        return {failure_groups.cause(group.first): group for group in self.groups}

    def group_of(self, result: Result) -> FailureGroup:
        """Return the group of a result that is not a pass."""
        return self._by_cause[failure_groups.cause(result)]

    def conditions(self) -> Iterator[tuple[str, str]]:
        """Yield the name and value of what the units ran with: accelerators, kernels, the functions of a text."""
        yield from of_text(self.facts)
        for machine, (name, reason) in self.accelerators.items():
            yield machine, f"{name} ({reason})"
        yield "kernels", ", ".join(self.results.releases) or "none answered"
        if personality := self.facts.get("arguments", {}).get("personality"):
            yield "personality", f"{personality}, in place of each guest's own"
        if shard := self.facts.get("shard"):
            yield "shard", f"{shard['shard']}, with {self.results.selected} of {shard['selected']} cases"
        if listed := self.facts.get("listed"):
            yield "selected", f"{self.results.selected} cases, {listed['origin']}"
        if self.seed is not None:
            yield "shuffled", f"--shuffle {self.seed} repeats this order"

    def broken_entries(self) -> list[CheckedIssue]:
        """Return the entries of --known that fail the run."""
        return [issue for issue in self.known or () if issue.is_broken]

    def progress(self) -> str:
        """Return how many units a run that ended early has finished; empty for any other run."""
        count, done = self.results.selected, len(self.results)
        not_run = f", {count - done} were not run" if self.stopped else ""
        return f"{self.stopped or 'interrupted'}: {done} of {count} were done{not_run}" if self.interrupted else ""


def of_text(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of what is known of --header or --patch: what of it was driven, and what not."""
    if patch := facts.get("patch_applied"):
        yield "patch", patch["title"]
        if base := patch["base"]:
            yield "base", f"{base['file']} of {base['name']}, {base['fit']}"
        for one in patch["native"]:
            yield "compiled natively", f"{one['file']} of {one['name']}, {one['fit']}, on {one['machine']}"
            yield "driven natively", ", ".join(one["driven"])
            if one["not_driven"]:
                yield NOT_DRIVEN, f"{', '.join(one['not_driven'])} in {one['file']}"
        if patch["not_tested"]:
            yield NOT_TESTED, ", ".join(patch["not_tested"])
        yield from (("note", note) for note in patch["notes"])
    if text := facts.get("text"):
        yield "tested", f"{text['given']}, as {text['revision']}"
        yield "driven", _called(text["driven"]) or "nothing"
        if missed := [f"{one['function']}() at line {one['line']} ({one['reason']})" for one in text["not_driven"]]:
            yield NOT_DRIVEN, ", ".join(missed)
        if others := _called(text["module_functions"]):
            yield "from the module", others
        yield from (("note", note) for note in text["notes"])


def _called(functions: Sequence[str]) -> str:
    return ", ".join(f"{name}()" for name in functions)
