# SPDX-License-Identifier: GPL-2.0-only
"""A run ten times as large costs at most ten times the seconds, and no more of the harness's memory."""

import os
import sys
import time
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

# 150 cases for each number of touched entries.
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


def cost(folder: Path, cases: int) -> tuple[float, int]:
    """Return the seconds of a run with so many cases, and the most memory that the harness had."""
    touched = list(range(cases // 150))
    text = _SCENARIO.format(sections=list(range(10)), pauses=list(range(15)), touched=touched)
    (folder / "many.yaml").write_text(text)
    command = [sys.executable, "-P", "-m", "lazymmu", "run", str(folder / "many.yaml"), "--arch", "arm64"]
    command += ["--api", "merged", "--quiet", "--out", str(folder / "out")]
    begin = time.monotonic()
    child = os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": str(ROOT / "harness")})
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return time.monotonic() - begin, usage.ru_maxrss


@pytest.mark.guest
@pytest.mark.exhaustive
def test_ten_times_the_cases_cost_at_most_ten_times_as_much(tmp_path: Path) -> None:
    # Builds what is missing, and saves a snapshot with the module.
    for _ in range(2):
        cost(tmp_path, 150)
    seconds, memory = cost(tmp_path, 150)
    more_seconds, more_memory = cost(tmp_path, 1_500)
    assert more_seconds <= 10 * seconds
    assert more_memory <= 2 * memory
