# SPDX-License-Identifier: GPL-2.0-only
"""Results in a process that is killed, and on a disk that fills up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lazymmu.results import store
from lazymmu.support.project import ROOT

from tests.unit import runs

PROGRAM = """
import os, resource, signal, sys
from pathlib import Path
from lazymmu.results import store
from tests.unit import runs
from tests.unit.results.test_store import some
units = runs.selected(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if sys.argv[3] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
with store.opened(Path(sys.argv[2]), units, trace=True) as results:
    for result in some(units, range(8)):
        results.add(result)
    assert len(list(results.lines())) == len(results) == 8
    print(results.failure, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("disk", ["full", "large"])
def test_a_killed_process_leaves_the_complete_lines_of_its_results(tmp_path: Path, disk: str) -> None:
    path = tmp_path / store.FILE
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "library"), str(path), disk],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    numbers = [json.loads(line)["number"] for line in path.read_bytes().splitlines()]
    if disk == "full":
        assert f"{path} could not be written: File too large" in done.stdout
        assert 0 < len(numbers) < 8
    assert numbers == list(range(8 if disk == "large" else len(numbers)))
    with store.opened(path, runs.selected(tmp_path / "library"), trace=True) as results:
        assert len(results) == len(numbers)
