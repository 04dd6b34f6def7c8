# SPDX-License-Identifier: GPL-2.0-only
"""KTAP version 1 (the kernel's Documentation/dev-tools/ktap.rst), nested: machine > scenario > case and revision.

`fail` is `not ok`; `error` is `not ok` with the directive ERROR; `skip` is `ok` with SKIP; a known failure is `ok` with
XFAIL, as the kernel's own kselftest.h prints it. A plan counts what was selected: results that an interrupt left out
are missing, and their parents are `not ok` with ERROR.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby

from msgspec import Struct

from lazymmu.reports.plain import explanation, first_line, visible
from lazymmu.results.known_issues import Standing, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import Results

_VERSION = "KTAP version 1"
_INDENT = "  "


class _End(Struct, frozen=True):
    """How a test ended, for the one that it is part of."""

    ok: bool
    skipped: bool


#: The lines of one test, as it is given its number among its like; how it ended comes when they have come.
_Test = Callable[[int], Generator[str, None, _End]]


def lines(run: Finished) -> Iterator[str]:
    """Yield the lines of the report; the entries of --known are a test of their own behind the machines."""
    machines: dict[str, list[int]] = {}
    for position, unit in enumerate(run.results.units):
        machines.setdefault(unit.machine, []).append(position)
    tests = [partial(_machine, name, machines[name], run.results) for name in sorted(machines)]
    if run.known:
        entries = [partial(_entry, standing) for standing in run.known]
        tests.append(partial(_parent, "known", entries, len(entries)))
    facts = [f"{machine}: {name} ({reason})" for machine, (name, reason) in run.accelerators.items()]
    facts += [f"kernels: {', '.join(run.releases()) or 'none answered'}"]
    facts += [] if run.seed is None else [f"shuffle: {run.seed}"]
    facts += [run.left()] if run.interrupted else []
    yield f"{_VERSION}\n"
    yield f"1..{len(tests)}\n"
    yield from (f"{_comment(_one_line(fact))}\n" for fact in facts)
    for number, test in enumerate(tests, 1):
        yield from (f"{line}\n" for line in test(number))


def _machine(machine: str, positions: Sequence[int], results: Results, number: int) -> Generator[str, None, _End]:
    def name(position: int) -> str:
        return results.units[position].scenario.name

    # A scenario that an interrupt came before is planned, and no more.
    scenarios = [(scenario, list(group)) for scenario, group in groupby(positions, key=name)]
    begun = [(scenario, mine) for scenario, mine in scenarios if any(one in results for one in mine)]
    tests = (partial(_scenario, scenario, mine, results) for scenario, mine in begun)
    return _parent(machine, tests, len(scenarios), number, left=_left(positions, results))


def _scenario(name: str, positions: Sequence[int], results: Results, number: int) -> Generator[str, None, _End]:
    tests = (partial(_case, position, results) for position in positions if position in results)
    return _parent(name, tests, len(positions), number, left=_left(positions, results))


def _left(positions: Sequence[int], results: Results) -> str:
    number = sum(position in results for position in positions)
    return "" if number == len(positions) else f"interrupted: {number} of {len(positions)} were done"


def _parent(
    name: str, tests: Iterable[_Test], planned: int, number: int, *, left: str = ""
) -> Generator[str, None, _End]:
    yield f"{_INDENT}{_VERSION}"
    yield f"{_INDENT}1..{planned}"
    ok, skipped, any_at_all = True, True, False
    for place, test in enumerate(tests, 1):
        end = yield from _indented(test(place))
        ok, skipped, any_at_all = ok and end.ok, skipped and end.skipped, True
    all_skipped = skipped and any_at_all
    directive = f"ERROR {left}" if left else "SKIP" if all_skipped else ""
    yield _result(number, name, ok=ok and not left, directive=directive)
    return _End(ok=ok and not left, skipped=all_skipped and not left)


def _indented(inner: Generator[str, None, _End]) -> Generator[str, None, _End]:
    while True:
        try:
            line = next(inner)
        except StopIteration as end:
            assert isinstance(end.value, _End)  # noqa: S101  (what a test returns)
            return end.value
        yield _INDENT + line


def _case(position: int, results: Results, number: int) -> Generator[str, None, _End]:
    name = results.units[position].title()
    if results.outcome(position) is Outcome.PASS:
        yield _result(number, name, ok=True)
        return _End(ok=True, skipped=False)
    result = results[position]
    reason = first_line(result.reason)
    yield from _comments([f"{result.outcome}: {name}", *explanation(result), *_known(result)])
    skipped = False
    if result.known:
        directive, ok = f"XFAIL known: {first_line(result.known)}", True
    elif result.outcome is Outcome.SKIP:
        directive, ok, skipped = f"SKIP {reason}", True, True
    else:
        directive, ok = f"ERROR {reason}" if result.outcome is Outcome.ERROR else "", False
    yield _result(number, name, ok=ok, directive=directive)
    return _End(ok=ok, skipped=skipped)


def _known(result: Result) -> list[str]:
    return [f"known: {result.known}"] if result.known else []


def _entry(standing: Standing, number: int) -> Generator[str, None, _End]:
    name = f"{standing.entry.scenario} ({standing.entry.place})"
    ok = not standing.broken
    if not ok:
        yield from _comments([f"{standing.state}: {standing.message}"])
    skipped = ok and standing.state is not State.HOLDS
    yield _result(number, name, ok=ok, directive=f"SKIP {standing.message}" if skipped else "")
    return _End(ok=ok, skipped=skipped)


def _result(number: int, name: str, *, ok: bool, directive: str = "") -> str:
    """Return a result line."""
    # The description ends at the first hash sign.
    name = _one_line(name).replace("#", "_")
    end = f" # {_one_line(directive)}" if directive else ""
    return f"{'ok' if ok else 'not ok'} {number} {name}{end}"


def _one_line(text: str) -> str:
    """Return the text on one line, in which nothing can be read as a directive."""
    return " ".join(visible(text).split()).replace(" #", " \\#")


def _comments(lines: Sequence[str]) -> list[str]:
    # The first line is ours; the others are set in, so that none of them can be kunit.py's header, `# Subtest: `.
    first, *others = [part for line in lines for part in line.splitlines()]
    return [_comment(first), *(_comment(f"  {line}") for line in others)]


def _comment(line: str) -> str:
    return f"# {visible(line)}"
