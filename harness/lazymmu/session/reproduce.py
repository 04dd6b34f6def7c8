# SPDX-License-Identifier: GPL-2.0-only
"""The command `reproduce`: runs failed cases of an earlier run again, and says whether they end as they did.

Each case is a `lazymmu run` of its own: the command that reports of the earlier run show.
"""

import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from msgspec import Struct

from lazymmu.reports import results_folder
from lazymmu.reports.compare import decoded, document
from lazymmu.reports.reproduce import command_of
from lazymmu.results.result import FAILED, Outcome, Result
from lazymmu.scenario import load
from lazymmu.session import manifest, requests
from lazymmu.support.errors import LazymmuError, UsageError
from lazymmu.support.lists import some_of
from lazymmu.support.suggestions import suggestion

#: A message names so many cases.
_NAMED = 5


class _Cause(Struct, frozen=True):
    #: `Result.number`, the smallest case first.
    results: tuple[int, ...]


class _Document(Struct, frozen=True):
    schema: Literal[1]
    results: tuple[Result, ...]
    causes: tuple[_Cause, ...] = ()


def reproduce(arguments: Namespace) -> int:
    """Run the cases again. Returns the exit status: 1 if one fails, else 3 if one is an error, else 0."""
    folder = Path(arguments.folder).resolve()
    facts = results_folder.ended(arguments.folder, f"`{arguments.folder}`")
    chosen = _chosen(decoded(document(arguments.folder), _Document), arguments.case, arguments.folder)
    working = Path(facts["working_folder"])
    if not working.is_dir():
        raise UsageError(f"`{arguments.folder}`: the working folder of that run, {working}, does not exist")
    terminal = requests.human(arguments)
    with chdir(working):
        for change in _changes(folder, facts):
            terminal.line(f"note: since that run, {change} changed")
        ends = []
        for result in chosen:
            words = command_of(facts, facts.get("shuffle"), result)
            terminal.line(f"$ {shlex.join(words)}")
            if not arguments.dry_run:
                ends.append(_run_again(words, result))
                terminal.line(ends[-1].text)
    outcomes = {end.outcome for end in ends}
    return next((status for outcome, status in ((Outcome.FAIL, 1), (Outcome.ERROR, 3)) if outcome in outcomes), 0)


def _chosen(run: _Document, case: str | None, name: str) -> Sequence[Result]:
    """Return the failed results to run again: those of a case, or the first one of each cause."""
    failed = {result.label(): result for result in run.results if result.raw_outcome in FAILED}
    if not failed:
        raise UsageError(f"`{name}`: nothing failed in this run")
    if case is None:
        first = {cause.results[0] for cause in run.causes}
        # Known failures are causes, too, and nobody looks for those.
        found = [result for result in failed.values() if result.number in first and not result.known]
        if not found:
            raise UsageError(f"`{name}`: only known failures in this run", hint="a CASE runs one of them again")
        return found
    found = [result for result in failed.values() if case in _names(result)]
    if not found:
        names = [*dict.fromkeys(result.case_name() for result in failed.values())]
        passed = any(case in _names(result) for result in run.results)
        raise UsageError(
            f"`{name}`: {case} {'did not fail' if passed else 'is no case'} in this run{suggestion(case, names)}",
            hint=f"these failed: {some_of(names, _NAMED)}",
        )
    return found


def _names(result: Result) -> tuple[str, ...]:
    return (result.label(), result.case_name(), result.scenario_name)


class _End(Struct, frozen=True):
    """How a case ended this time."""

    outcome: Outcome
    text: str


def _run_again(words: Sequence[str], before: Result) -> _End:
    """Run the command, and return how the case ended. Raises LazymmuError if it has no result."""
    with TemporaryDirectory(prefix="lazymmu-reproduce-") as folder:
        path = Path(folder) / "results.json"
        done = subprocess.run(
            [sys.executable, "-P", "-m", "lazymmu", *words[1:], "--json", str(path)],
            check=False,
            stdin=subprocess.DEVNULL,
        )
        results = decoded(path, _Document).results if path.exists() else ()
    now = next((result for result in results if result.label() == before.label()), None)
    if now is None:
        raise LazymmuError(f"{before.label()} has no result; the command ended with status {done.returncode}")
    if now.raw_outcome is not before.raw_outcome:
        text = f"not reproduced: {now.raw_outcome} now, {before.raw_outcome} then"
    elif now.reason != before.reason:
        text = f"{now.raw_outcome} again, for another reason: {now.reason}"
    else:
        text = f"reproduced: {now.raw_outcome} again, for the same reason"
    return _End(now.raw_outcome, f"{before.label()}: {text}")


def _changes(folder: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the scenarios and sources that are not what they were in the run."""
    library = requests.library()
    for name, copy in facts.get("scenarios", {}).items():
        try:
            (scenario,) = load([name], library)
        except UsageError:
            yield f"the scenario {name}"
        else:
            if manifest.is_changed(folder, copy, scenario):
                yield f"the scenario {name}"
    recorded = Namespace(**facts["arguments"])
    given = [path for path in (recorded.known, recorded.header) if path is not None]
    if missing := [path for path in given if not Path(path).is_file()]:
        raise UsageError(f"{missing[0]} is gone, which that run was given")
    yield from manifest.changed_sources(facts, recorded, {})
