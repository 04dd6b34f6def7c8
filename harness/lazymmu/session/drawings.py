# SPDX-License-Identifier: GPL-2.0-only
"""The pictures of `lazymmu draw`. Revisions and machines that do the same share one."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import chosen
from lazymmu.reports.compare import decoded, document
from lazymmu.reports.pictures.of_result import of_result
from lazymmu.reports.pictures.timeline import PREDICTED, Timeline, timeline
from lazymmu.reports.results_folder import RUN
from lazymmu.reports.side_by_side import Pair, pairs
from lazymmu.results.result import FAILED, Result
from lazymmu.scenario import load, selectors
from lazymmu.session import requests
from lazymmu.session.selection import Selection, units
from lazymmu.subject.case import Case
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import UsageError
from lazymmu.support.lists import some_of

# A message names so many results.
_NAMED = 8


class _Run(Struct):
    """What is drawn of the JSON document of a run."""

    results: tuple[Result, ...]


def _together(drawn: Iterable[tuple[str, Pair, str, Timeline]]) -> list[Timeline]:
    """Return pictures with their titles; those of one case that are alike are one. Each has a case, a pair, an end."""
    alike: dict[tuple[str, str, Timeline], dict[Pair, None]] = {}
    for case, pair, end, one in drawn:
        alike.setdefault((case, end, one), {})[pair] = None
    return [replace(one, title=f"{case} {pairs(tuple(found))}{end}") for (case, end, one), found in alike.items()]


def of_model(names: Sequence[str], selection: Selection) -> list[Timeline]:
    """Return the pictures of what the model predicts for a selection. Raises UsageError if it is empty."""
    return _together(
        (
            unit.case_name(),
            (unit.under_test(), unit.personality),
            "",
            timeline(unit.case, unit.api, {PREDICTED: predict(unit.case, unit.api, unit.personality, unit.impl)}),
        )
        for unit in units(load(names, requests.library()), selection)
    )


def of_results(name: str, words: Sequence[str], selection: Selection) -> list[Timeline]:
    """Return the pictures of results in a results folder, or a file of --json: of those that did not pass, if any.

    Raises UsageError if the words and the selection mean none, or the scenario is no longer what it was.
    """
    path = document(name)
    found = [result for result in decoded(path, _Run).results if _is_meant(result, words, selection)]
    if not found:
        raise UsageError(f"{path}: no result of {', '.join(words)} in this selection", hint=_there(path))
    bad = [result for result in found if result.raw_outcome in FAILED]
    facts = path.parent / RUN
    copies = json.loads(facts.read_bytes()).get("scenarios", {}) if Path(name).is_dir() and facts.is_file() else {}
    return _together(
        (
            result.case_name(),
            (result.under_test(), result.machine),
            f": {result.outcome}",
            of_result(_case(result, path.parent / copies.get(result.scenario_name, "")), result),
        )
        for result in bad or found
    )


def _is_meant(result: Result, words: Sequence[str], selection: Selection) -> bool:
    def is_named(word: str) -> bool:
        name, values = selectors.split(word)
        return selectors.matches(name, result.scenario_name) and selectors.has(result.values, values)

    return (
        any(map(is_named, words))
        and (not selection.arches or result.arch in chosen(selection.arches))
        and (not {*selection.apis} - {"all"} or result.api in selection.apis)
        and (not selection.impls or result.impl in selection.impls)
    )


def _there(path: Path) -> str:
    """Return which results of a document did not pass, or else some that it has."""
    results = decoded(path, _Run).results
    bad = [one for one in results if one.raw_outcome in FAILED]
    shown = list(dict.fromkeys(one.label() for one in bad or results))
    return f"{'not passed' if bad else 'there is'}: {some_of(shown, _NAMED)}"


def _case(result: Result, copy: Path) -> Case:
    """Return the case of a result, from the copy of its scenario in the results folder, or where it was."""
    where = str(copy) if copy.is_file() else result.scenario_name
    for scenario in load([where], requests.library()):
        for case in scenario.cases:
            if case.values == result.values:
                return case
    raise UsageError(f"{result.label()}: {where} has no such case", hint="the scenario has changed since the run")
