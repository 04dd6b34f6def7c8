# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of report formats is all that a new report needs."""

from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with
from tests.unit.apart import run

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
RAISING = CSV.replace("csv", "raising").replace("    file.write", "    6 / 0\n    file.write", 1)
# No kernel has such functions for s390x, so no guest is needed to say so.
RUN = ("run", "nesting/single", "--impl", "native", "--arch", "s390x", "--api", "merged")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new report format."""
    checkout = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = checkout / "harness/lazymmu/reports/formats"
    (folder / "values.py").write_text(CSV)
    (folder / "broken_one.py").write_text("NAME = = 1\n")
    (folder / "raising.py").write_text(RAISING)
    return checkout


def test_a_new_report_has_its_flag_in_the_help_and_is_written(checkout: Path, home: Path) -> None:
    assert "write results as CSV" in " ".join(run(checkout, "run", "--help").stdout.split())
    done = run(checkout, *RUN, "--csv", "r.csv", "--json", "r.json", cwd=home)
    assert done.returncode == 3, done.stderr
    assert (home / "r.csv").read_text() == "# r.json\nnesting/single merged native on s390x,error\n"
    assert (home / "r.json").exists()


def test_a_new_report_alone_is_on_standard_output(checkout: Path, home: Path) -> None:
    done = run(checkout, *RUN, "--csv", "-", cwd=home)
    assert done.stdout == "# -\nnesting/single merged native on s390x,error\n"
    assert "1 error" in done.stderr


def test_a_broken_file_is_named_by_the_help_and_by_its_flag(checkout: Path) -> None:
    message = "formats/broken_one.py:1: invalid syntax"
    assert message in run(checkout, "help", "run").stdout
    done = run(checkout, *RUN, "--broken-one", "x")
    assert done.returncode == 3
    assert message in done.stderr


def test_the_author_of_a_report_that_raises_sees_its_line(checkout: Path, home: Path) -> None:
    done = run(checkout, *RUN, "--raising", "r", cwd=home)
    assert done.returncode == 3
    assert done.stderr.endswith("formats/raising.py:7\n")
