# SPDX-License-Identifier: GPL-2.0-only
"""KTAP version 1 (the kernel's Documentation/dev-tools/ktap.rst), nested: architecture > scenario > case and revision.

`fail` is `not ok`; `error` is `not ok` with the directive ERROR; `skip` is `ok` with SKIP; a known failure is `ok` with
XFAIL, as the kernel's own kselftest.h prints it. A plan counts what was selected: results that an interrupt left out
are missing, and their parents are `not ok` with ERROR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.core.known import Standing, State
from harness.core.result import Outcome, Result, Unit
from harness.report.finished import Finished
from harness.report.plain import explanation, first_line, visible

_VERSION = "KTAP version 1"
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class _Test:
    """One numbered test: the lines before its result line, whether it is ok, and what stands behind the name."""

    name: str
    ok: bool
    directive: str = ""
    lines: Sequence[str] = ()


def text(run: Finished) -> str:
    """Return the report; the entries of --known are a test of their own behind the architectures."""
    done = {id(result.unit): result for result in run.results}
    tests = [
        _arch(arch, list(units), done)
        for arch, units in groupby(sorted(run.selected, key=lambda unit: unit.arch), key=lambda unit: unit.arch)
    ]
    if run.known:
        tests.append(_parent("known", [_entry(standing) for standing in run.known], len(run.known)))
    facts = [f"{arch}: {name} ({reason})" for arch, (name, reason) in run.accelerators.items()]
    facts += [f"kernels: {', '.join(run.releases()) or 'none answered'}"]
    facts += [] if run.seed is None else [f"shuffle: {run.seed}"]
    facts += [run.left()] if run.interrupted else []
    lines = [_VERSION, f"1..{len(tests)}", *(_comment(_one_line(fact)) for fact in facts), *_numbered(tests)]
    return "\n".join(lines) + "\n"


def _arch(arch: str, units: Sequence[Unit], done: dict[int, Result]) -> _Test:
    scenarios = [
        _scenario(name, list(group), done) for name, group in groupby(units, key=lambda unit: unit.scenario.name)
    ]
    return _parent(arch, [test for test in scenarios if test], len(scenarios), left=_left(units, done))


def _scenario(name: str, units: Sequence[Unit], done: dict[int, Result]) -> _Test | None:
    """Return the test of one scenario on one architecture, None when an interrupt came before all of it."""
    results = [done[id(unit)] for unit in units if id(unit) in done]
    if not results:
        return None
    return _parent(name, [_case(result) for result in results], len(units), left=_left(units, done))


def _left(units: Sequence[Unit], done: dict[int, Result]) -> str:
    number = sum(id(unit) in done for unit in units)
    return "" if number == len(units) else f"interrupted: {number} of {len(units)} were done"


def _parent(name: str, tests: Sequence[_Test], planned: int, *, left: str = "") -> _Test:
    lines = [_VERSION, f"1..{planned}", *_numbered(tests)]
    bad = any(not test.ok for test in tests)
    skipped = bool(tests) and all(test.directive.startswith("SKIP") for test in tests)
    directive = f"ERROR {left}" if left else "SKIP" if skipped else ""
    return _Test(name, not bad and not left, directive, [_INDENT + line for line in lines])


def _case(result: Result) -> _Test:
    name = result.unit.title()
    if result.outcome is Outcome.PASS:
        return _Test(name, ok=True)
    reason = first_line(result.reason)
    lines = [f"{result.outcome}: {name}", *explanation(result)]
    if result.known:
        lines.append(f"known: {result.known}")
        return _Test(name, ok=True, directive=f"XFAIL known: {first_line(result.known)}", lines=_comments(lines))
    if result.outcome is Outcome.SKIP:
        return _Test(name, ok=True, directive=f"SKIP {reason}", lines=_comments(lines))
    directive = f"ERROR {reason}" if result.outcome is Outcome.ERROR else ""
    return _Test(name, ok=False, directive=directive, lines=_comments(lines))


def _entry(standing: Standing) -> _Test:
    name = f"{standing.entry.scenario} ({standing.entry.place})"
    if standing.broken:
        return _Test(name, ok=False, lines=_comments([f"{standing.state}: {standing.message}"]))
    return _Test(name, ok=True, directive="" if standing.state is State.HOLDS else f"SKIP {standing.message}")


def _numbered(tests: Sequence[_Test]) -> Iterator[str]:
    for number, test in enumerate(tests, 1):
        yield from test.lines
        # The description ends at the first hash sign.
        name = _one_line(test.name).replace("#", "_")
        directive = f" # {_one_line(test.directive)}" if test.directive else ""
        yield f"{'ok' if test.ok else 'not ok'} {number} {name}{directive}"


def _one_line(text: str) -> str:
    """Return the text on one line, in which nothing can be read as a directive."""
    return " ".join(visible(text).split()).replace(" #", " \\#")


def _comments(lines: Sequence[str]) -> list[str]:
    # The first line is ours; the others are set in, so that none of them can be kunit.py's header, `# Subtest: `.
    first, *others = [part for line in lines for part in line.splitlines()]
    return [_comment(first), *(_comment(f"  {line}") for line in others)]


def _comment(line: str) -> str:
    return f"# {visible(line)}"
