# SPDX-License-Identifier: GPL-2.0-only
"""Measures what a run costs as it grows: seconds, and the harness's memory, for 150 cases, 1,500 and 15,000.

    python -m tests.soak.growth [--cases 150 1500 15000] [-- --arch arm64 --api merged]

What stands behind `--` goes to `lazymmu run`; without it each case runs on three architectures in two revisions. Ten
times the cases may take ten times as long at most, and the memory stays flat: twice that of the smallest at most.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lazymmu.support.project import ROOT
from msgspec import Struct

#: Of these in each case: pauses, and sections; and as many values of a third as make up the number.
_PAUSES, _SECTIONS = 15, 10
_SCENARIO = """\
description: Many short cases.
vary: {{sections: {sections}, pauses: {pauses}, touched: {touched}}}
steps:
  - repeat: {{times: $sections, steps: [enable, disable]}}
  - enable
  - repeat: {{times: $pauses, steps: [pause, resume]}}
  - flush
  - touch: $touched
  - interrupt: [flush]
  - disable
"""


class Cost(Struct, frozen=True):
    """What one run cost."""

    cases: int
    #: Of the whole command.
    seconds: float
    #: The most memory that the harness had at any time (bytes).
    memory: int


def _scenarios(cases: int, folder: Path) -> None:
    """Write scenarios with so many cases, a multiple of 150: an entry of the table has no more than 256 numbers."""
    each = _PAUSES * _SECTIONS
    left = cases // each
    for number in range(0, left, 100):
        text = _SCENARIO.format(
            sections=list(range(_SECTIONS)), pauses=list(range(_PAUSES)), touched=list(range(min(100, left - number)))
        )
        (folder / f"many-{number:05}.yaml").write_text(text, encoding="utf-8")


def measure(cases: int, flags: Sequence[str]) -> Cost:
    """Run so many cases; AssertionError when one does not pass."""
    with tempfile.TemporaryDirectory(prefix="lazymmu-growth-") as name:
        _scenarios(cases, Path(name))
        command = [sys.executable, "-P", "-m", "lazymmu", "run", name, *flags, "--quiet", "--out", f"{name}/out"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "harness")}
        begin = time.monotonic()
        child = os.posix_spawn(sys.executable, command, environment)
        _, status, usage = os.wait4(child, 0)
        seconds = time.monotonic() - begin
    assert os.waitstatus_to_exitcode(status) == 0, command
    return Cost(cases, seconds, usage.ru_maxrss * 1024)


def wrong(costs: Sequence[Cost]) -> list[str]:
    """Return what grew more than it may."""
    found = []
    first = costs[0]
    for cost in costs[1:]:
        if cost.seconds > first.seconds * cost.cases / first.cases:
            found.append(f"{cost.cases} cases took {cost.seconds / first.seconds:.1f} times as long as {first.cases}")
        if cost.memory > 2 * first.memory:
            found.append(f"{cost.cases} cases took {cost.memory / first.memory:.1f} times the memory of {first.cases}")
    return found


def main() -> int:
    """Run as a program: 0 when nothing grew more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[150, 1_500, 15_000])
    parser.add_argument("flags", nargs="*")
    arguments = parser.parse_args()
    # What is not built yet, and a snapshot with the module.
    for _ in range(2):
        measure(_PAUSES * _SECTIONS, arguments.flags)
    costs = []
    for cases in arguments.cases:
        costs.append(measure(cases, arguments.flags))
        cost, first = costs[-1], costs[0]
        times = f"{cost.seconds / first.seconds:.1f} times"
        print(f"{cases} cases: {cost.seconds:.1f} s ({times}), {cost.memory / 1e6:.0f} MB", flush=True)
    print("\n".join(wrong(costs)))
    return 1 if wrong(costs) else 0


if __name__ == "__main__":
    sys.exit(main())
