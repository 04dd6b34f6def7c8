# SPDX-License-Identifier: GPL-2.0-only
"""GitHub Actions: groups in the log, an error at a file for each cause, and a table as the job's summary.

Nothing that a guest says becomes a workflow command (`lazymmu.support.workflow_commands`) or markup.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from lazymmu.reports import reproduce
from lazymmu.reports.ci import bad_groups, headline, location, machines
from lazymmu.reports.plain import counted, explanation, visible
from lazymmu.results.failure_groups import FailureGroup
from lazymmu.results.result import Outcome
from lazymmu.results.run_summary import RunSummary

# GitHub shows ten errors of a step.
_MAX_ERRORS = 10
# A summary may have 1 MiB.
_MAX_ROWS = 100
_MAX_LINES = 12
_LONGEST_CELL = 300


def section(name: str, title: str) -> tuple[str, str]:
    """Return the commands around a group of lines."""
    return f"::group::{_data(title)}", "::endgroup::"


def annotations(run: RunSummary) -> Iterator[str]:
    """Yield an error for each of the first groups, the last of them with the number of the others."""
    groups = bad_groups(run)
    shown = groups if len(groups) <= _MAX_ERRORS else groups[: _MAX_ERRORS - 1]
    for group in shown:
        place = location(run, group)
        where = {"file": place.path, "line": place.line, "col": place.column, "title": headline(group)}
        text = "\n".join([group.first.label(), *_lines(run, group)])
        yield f"::error {','.join(f'{name}={_property(str(value))}' for name, value in where.items())}::{_data(text)}"
    if len(shown) < len(groups):
        yield f"::error title=lazymmu::{len(groups) - len(shown)} more causes: see the log"


def _lines(run: RunSummary, group: FailureGroup) -> list[str]:
    """Return the explanation of a group; of a long one its beginning, and how to run the case again."""
    again = reproduce.line(run, group.first)
    return [*[line for line in explanation(run, group) if line != again][:_MAX_LINES], again]


def write_summary(run: RunSummary) -> None:
    """Append a table of causes to the file that GITHUB_STEP_SUMMARY names, if it names one."""
    if name := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in _table(run))


def _table(run: RunSummary) -> Iterator[str]:
    counts = {outcome: number for outcome, number in run.results.counts().items() if number}
    yield f"### lazymmu: {counted(counts) or 'nothing was run'}\n"
    if run.interrupted:
        yield f"{run.progress()}\n"
    groups = [group for group in run.groups if group.first.outcome is not Outcome.KNOWN]
    if groups:
        yield "| outcome | cause | function | smallest case | results |\n|---|---|---|---|---|"
    for group in groups[:_MAX_ROWS]:
        yield f"| {' | '.join(_cells(group))} |"
    if len(groups) > _MAX_ROWS:
        yield f"\n{len(groups) - _MAX_ROWS} more causes are in the reports.\n"
    yield "\n| machine | |\n|---|---|"
    for name, value in run.conditions():
        yield f"| {_code(name)} | {_code(value)} |"
    yield ""


def _cells(group: FailureGroup) -> Iterator[str]:
    yield str(group.first.outcome)
    for text in (group.title, str(group.function or ""), group.first.label(), machines(group)):
        yield _code(text) if text else ""


def _code(text: str) -> str:
    """Return text as an element in which nothing is Markdown: all but letters and digits are references."""
    short = text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}..."
    plain = (one if one.isalnum() or one == " " else f"&#{ord(one)};" for one in " ".join(visible(short).split()))
    return f"<code>{''.join(plain)}</code>"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
