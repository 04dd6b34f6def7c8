# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of report formats is all that a new report needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with

CSV = '''\
"""Comma-separated values."""
NAME = "csv"
FLAG = "--csv"
HELP = "write results as CSV; - is standard output"

def write(run, file):
    file.write(f"# {run.facts['command'][-1]}\\n")
    for result in run.results:
        file.write(f"{result.label()},{result.outcome}\\n")
'''
# No kernel has such functions for s390x, so no guest is needed to say so.
RUN = ("run", "nesting/single", "--impl", "native", "--arch", "s390x", "--api", "merged")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new report format, and one that is broken."""
    checkout = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = checkout / "harness/lazymmu/reports/formats"
    (folder / "values.py").write_text(CSV)
    (folder / "broken.py").write_text('NAME = "broken"\nFLAG = "--broken"\nHELP = 3\n')
    return checkout


def run(checkout: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness")}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}
    command = [sys.executable, "-P", "-m", "lazymmu", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


def test_a_new_report_has_its_flag_in_the_help_and_is_written(checkout: Path, tmp_path: Path) -> None:
    assert "write results as CSV" in " ".join(run(checkout, tmp_path, "run", "--help").stdout.split())
    done = run(checkout, tmp_path, *RUN, "--csv", "r.csv", "--json", "r.json")
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "r.csv").read_text() == "# r.json\nnesting/single merged native on s390x,error\n"
    assert (tmp_path / "r.json").exists()


def test_a_new_report_alone_is_on_standard_output(checkout: Path, tmp_path: Path) -> None:
    done = run(checkout, tmp_path, *RUN, "--csv", "-")
    assert done.stdout == "# -\nnesting/single merged native on s390x,error\n"
    assert "1 error" in done.stderr


def test_a_new_report_of_a_resumed_run_is_allowed_and_not_one_of_its_arguments(checkout: Path, tmp_path: Path) -> None:
    assert run(checkout, tmp_path, *RUN, "--out", "out", "--csv", "r.csv").returncode == 3
    assert '"csv"' not in (tmp_path / "out" / "run.json").read_text()
    (tmp_path / "out" / "results.json").unlink()
    assert run(checkout, tmp_path, "run", "--resume", "out", "--csv", "again.csv").returncode == 3
    assert (tmp_path / "again.csv").read_text().endswith("nesting/single merged native on s390x,error\n")
