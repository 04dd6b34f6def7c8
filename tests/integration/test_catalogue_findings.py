# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of tables teaches the scan the lines of a new architecture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with

FAKE64 = r"""# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.guests.findings.row import die

NAME = "fake64"
ROWS = (die("bus-error", r"Fake bus error at (?P<place>\S+)", "bus error{where}, bus {place}"),)
DUMP = (r"FR\d: ",)
PROGRAM_COUNTER = "FPC : "
"""
CONSOLE = r"WARNING: at mm/x.c:1 f\n[ 1.000000] Fake bus error at 7 [#1]\nFR1: 0\nFPC : example_get+0x10/0x40\nend\n"
SCAN = f"from lazymmu.guests.findings.scan import findings_in; print(findings_in('{CONSOLE}'))"


def scan(tmp_path: Path, table: str, command: str = SCAN) -> subprocess.CompletedProcess[str]:
    """Scan a console in a copy of this checkout with a new table."""
    checkout = checkout_with({}, tmp_path / "checkout")
    (checkout / "harness/lazymmu/guests/findings/tables/fake64.py").write_text(table)
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness")}
    return subprocess.run(
        [sys.executable, "-P", "-c", command], capture_output=True, text=True, check=False, env=environment
    )


def test_a_new_table_makes_a_console_give_its_finding(tmp_path: Path) -> None:
    done = scan(tmp_path, FAKE64)
    assert "kind='warning'" in done.stdout, done.stderr
    assert "kind='bus-error', title='bus error in example_get, bus 7', severity=<Severity.ERROR" in done.stdout
    assert r"text='[ 1.000000] Fake bus error at 7 [#1]\nFR1: 0\nFPC : example_get+0x10/0x40'" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (r"(?P<place>\S+)", r"(?P<place>\S+", "fake64.py:5: wrong regular expression 'Fake bus error at"),
        (r"FR\d: ", r"FR[\d: ", "fake64.py:6: wrong regular expression 'FR["),
        ("bus {place}", "bus {plaice}", "fake64.py:5: the title 'bus error{where}, bus {plaice}' names plaice"),
        ("ROWS", "ROWZ", "fake64.py:1: the table of console lines has no ROWS"),
    ],
)
def test_a_mistake_in_a_table_is_named(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    read = "from lazymmu.guests.findings.table import whole_table; whole_table()"
    done = scan(tmp_path, FAKE64.replace(right, wrong), read)
    assert f"SetupError: {tmp_path}" in done.stderr
    assert message in done.stderr
