# SPDX-License-Identifier: GPL-2.0-only
"""The results folder of a process that is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lazymmu.reports import results_folder
from lazymmu.reports.destination import targets
from lazymmu.results.result import Unit
from lazymmu.support.project import ROOT

from tests.unit import runs
from tests.unit.reports.test_results_folder import NOW, run_once

KILLED_IN_A_REPORT = """
import os, sys
from pathlib import Path
from lazymmu.reports.destination import whole
Path.rename = lambda *_: os.kill(os.getpid(), 9)
with whole(Path(sys.argv[1])) as file:
    file.write("text")
"""


def partial_file(path: Path) -> Path:
    """Return the partial file of a process that was killed before the file was complete."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "harness")}
    done = subprocess.run([sys.executable, "-c", KILLED_IN_A_REPORT, str(path)], env=environment, check=False)
    assert done.returncode == -9
    (partial,) = path.parent.glob(f".{path.name}.*")
    return partial


@pytest.fixture
def units(tmp_path: Path) -> tuple[Unit, ...]:
    return runs.selected(tmp_path / "library")


def test_a_partial_report_of_a_killed_run_is_removed_by_the_next_run(tmp_path: Path) -> None:
    partial = partial_file(tmp_path / "report.json")
    targets({"--json": str(tmp_path / "report.json")})
    assert not partial.exists()


@pytest.mark.parametrize("name", ["run.json", "results.ktap", "results.json"])
def test_a_partial_file_in_a_named_folder_is_removed_by_the_next_run(
    units: tuple[Unit, ...], tmp_path: Path, name: str
) -> None:
    run_once(units, str(tmp_path / "out"))
    partial = partial_file(tmp_path / "out" / name)
    run_once(units, str(tmp_path / "out"))
    assert not partial.exists()


def test_a_named_folder_can_be_used_again_after_a_run_was_killed_at_its_first_file(
    units: tuple[Unit, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with results_folder.opened(str(out), NOW):
        pass
    partial = partial_file(out / "run.json")
    run_once(units, str(out))
    assert not partial.exists()
