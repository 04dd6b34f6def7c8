# SPDX-License-Identifier: GPL-2.0-only
"""Reads what a KUnit suite prints: KTAP version 1, between other messages of the kernel (Documentation/dev-tools/ktap).

A suite passes only if its plan, each of its tests and its own result are there.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from lazymmu.support.errors import GuestError

_INDENT = "    "
_PLAN = re.compile(r"1\.\.(\d+)")
_RESULT = re.compile(r"(ok|not ok) (\d+) (?:- )?(.*?)\s*(?:# (SKIP\b.*))?")
# Lines of nested tests (parameters), and comments.
_OTHERS = (_INDENT, "# ", "KTAP version")


class KunitTest(Struct, frozen=True):
    """The result of one test function, or of the suite."""

    name: str
    passed: bool
    #: Why it was skipped; None if it was not.
    skipped: str | None
    #: What it printed.
    lines: tuple[str, ...] = ()


class KunitReport(Struct, frozen=True):
    """What a suite printed."""

    suite: KunitTest
    tests: tuple[KunitTest, ...]
    #: The suite's lines as KTAP, without indentation; what is no KTAP is a comment.
    ktap: tuple[str, ...]


def parse(lines: Sequence[str], suite: str) -> KunitReport:
    """Return the report in the kernel's log of one run of a suite. Raises GuestError if it is not complete."""
    start = f"{_INDENT}# Subtest: {suite}"
    begin = next((number for number, line in enumerate(lines) if line.rstrip() == start), None)
    if begin is None:
        raise _incomplete(suite, "it did not begin", lines)
    planned: int | None = None
    tests: list[KunitTest] = []
    ktap = ["KTAP version 1", start.strip()]
    printed: list[str] = []
    for line in lines[begin + 1 :]:
        inner = line.removeprefix(_INDENT)
        if inner != line and planned is None and (plan := _PLAN.fullmatch(inner)):
            planned = int(plan[1])
        elif inner != line and (result := _RESULT.fullmatch(inner)):
            if int(result[2]) != len(tests) + 1:
                raise _incomplete(suite, f"test {result[2]} came after {len(tests)} tests", lines)
            tests.append(_test(result, printed))
            printed = []
        elif (end := _RESULT.fullmatch(line)) and end[3] == suite:
            whole = _test(end, ())
            if whole.skipped is None and planned != len(tests):
                raise _incomplete(suite, f"{len(tests)} of {planned or 'no'} planned tests ended", lines)
            if whole.passed != all(test.passed for test in tests):
                raise _incomplete(suite, f"it says `{line}`, and its tests say otherwise", lines)
            return KunitReport(whole, tuple(tests), tuple(ktap))
        else:
            printed.append(inner)
            inner = inner if inner.startswith(_OTHERS) else f"# {inner}"
        ktap.append(inner)
    raise _incomplete(suite, f"it did not end; {len(tests)} of {planned or 'no'} planned tests did", lines)


def _test(result: re.Match[str], printed: Sequence[str]) -> KunitTest:
    skipped = None if result[4] is None else result[4].removeprefix("SKIP").strip()
    return KunitTest(result[3], result[1] == "ok", skipped, tuple(printed))


def _incomplete(suite: str, why: str, lines: Sequence[str]) -> GuestError:
    said = "".join(f"\n    {line}" for line in lines) or " nothing"
    return GuestError(f"the report of KUnit suite {suite} is incomplete: {why}", details=f"the kernel's log has:{said}")
