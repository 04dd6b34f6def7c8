# SPDX-License-Identifier: GPL-2.0-only
"""KTAP version 1 (the kernel's Documentation/dev-tools/ktap.rst), nested: machine > scenario > case and revision.

`fail` is `not ok`; `error` is `not ok` with the directive ERROR; `skip` is `ok` with SKIP; a known failure is `ok` with
XFAIL, as in the kernel's own kselftest.h. Plans count what was selected: after an interrupt there are fewer results,
and the tests around them are `not ok` with ERROR.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Literal, TextIO

from lazymmu.reports.plain import cause_line, first_line, in_group, visible
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import Row

NAME = "ktap"
FLAG = "--ktap"
HELP = "write results as KTAP version 1; - is standard output"

_VERSION = "KTAP version 1"
_INDENT = "  "

#: How a test ended, for the test around it.
_End = Literal["ok", "skip", "not ok"]
#: Writes one test with this indent and this number.
_Test = Callable[[str, int], _End]


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report. If there are known issues, they are a test of their own after the machines."""
    tests: list[_Test] = [partial(_machine, file, run, name) for name in sorted(run.results.machines)]
    if run.known:
        issues = [partial(_issue, file, issue) for issue in run.known]
        tests.append(partial(_parent, file, "known", issues, len(issues), ""))
    facts = [f"{name}: {value}" for name, value in run.conditions()]
    facts += [run.progress()] if run.interrupted else []
    facts += [f"cause: {cause_line(group)}" for group in run.groups]
    file.write(f"{_VERSION}\n1..{len(tests)}\n")
    file.writelines(f"# {_one_line(fact)}\n" for fact in facts)
    for number, test in enumerate(tests, 1):
        test("", number)


def _machine(file: TextIO, run: RunSummary, name: str, indent: str, number: int) -> _End:
    cells = {cell for cell in run.results.cells if cell.machine == name}
    tests = (
        partial(_scenario, file, run, scenario, rows)
        for scenario, some in _by_scenario(run.results.rows(cells))
        for rows in [list(some)]
        if any(row.outcome for row in rows)
    )
    planned = sum(1 for _ in _by_scenario(run.results.rows(cells)))
    return _parent(file, name, tests, planned, _progress(run.results.rows(cells)), indent, number)


def _by_scenario(rows: Iterable[Row]) -> Iterable[tuple[str, Iterable[Row]]]:
    return groupby(rows, key=lambda row: row.cell.scenario_name)


def _scenario(file: TextIO, run: RunSummary, name: str, rows: Sequence[Row], indent: str, number: int) -> _End:
    tests = (partial(_case, file, run, run.results[row.number]) for row in rows if row.outcome)
    return _parent(file, name, tests, len(rows), _progress(rows), indent, number)


def _progress(rows: Iterable[Row]) -> str:
    """Return how many of these units an interrupted run has finished; empty for all of them."""
    numbers = Counter(row.outcome is not None for row in rows)
    return f"interrupted: {numbers[True]} of {numbers.total()} were done" if numbers[False] else ""


def _parent(
    file: TextIO, name: str, tests: Iterable[_Test], planned: int, progress: str, indent: str, number: int
) -> _End:
    inner = indent + _INDENT
    file.write(f"{inner}{_VERSION}\n{inner}1..{planned}\n")
    ends = {test(inner, place) for place, test in enumerate(tests, 1)}
    end: _End = "not ok" if progress or "not ok" in ends else "skip" if ends == {"skip"} else "ok"
    _result(file, indent, number, name, end, f"ERROR {progress}" if progress else "SKIP" if end == "skip" else "")
    return end


def _case(file: TextIO, run: RunSummary, result: Result, indent: str, number: int) -> _End:
    name = result.title()
    # What a KUnit suite of the kernel printed are tests in this one.
    file.writelines(f"{indent}{_INDENT}{visible(line)}\n" for line in result.ktap)
    if result.outcome is Outcome.PASS:
        return _result(file, indent, number, name, "ok")
    known = [f"known: {result.known}"] if result.known else []
    _comments(file, indent, [f"{result.raw_outcome}: {name}", *in_group(run, result), *known])
    reason = first_line(result.reason)
    if result.outcome is Outcome.KNOWN:
        return _result(file, indent, number, name, "ok", f"XFAIL known: {first_line(result.known)}")
    if result.outcome is Outcome.SKIP:
        return _result(file, indent, number, name, "skip", f"SKIP {reason}")
    return _result(file, indent, number, name, "not ok", f"ERROR {reason}" if result.outcome is Outcome.ERROR else "")


def _issue(file: TextIO, checked: CheckedIssue, indent: str, number: int) -> _End:
    name = f"{checked.issue.scenario} ({checked.issue.place})"
    if checked.is_broken:
        _comments(file, indent, [f"{checked.state}: {checked.message}"])
        return _result(file, indent, number, name, "not ok")
    if checked.state is State.HOLDS:
        return _result(file, indent, number, name, "ok")
    return _result(file, indent, number, name, "skip", f"SKIP {checked.message}")


def _result(file: TextIO, indent: str, number: int, name: str, end: _End, directive: str = "") -> _End:
    # The description ends at the first hash sign.
    name = _one_line(name).replace("#", "_")
    last = f" # {_one_line(directive)}" if directive else ""
    file.write(f"{indent}{'not ok' if end == 'not ok' else 'ok'} {number} {name}{last}\n")
    return end


def _one_line(text: str) -> str:
    """Return the text on one line, without anything that a parser could read as a directive."""
    return " ".join(visible(text).split()).replace(" #", " \\#")


def _comments(file: TextIO, indent: str, lines: Sequence[str]) -> None:
    # Lines after the first are indented, so that kunit.py does not take one for its header, `# Subtest: `.
    first, *others = [part for line in lines for part in line.splitlines()]
    file.writelines(f"{indent}# {visible(line)}\n" for line in [first, *(f"  {other}" for other in others)])
