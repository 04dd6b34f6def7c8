# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of tables teaches the scan the lines of a new architecture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_new_table_makes_a_console_give_its_finding(tmp_path: Path) -> None:
    checkout = checkout_with({}, tmp_path / "checkout")
    (checkout / "harness/lazymmu/guests/findings/tables/fake64.py").write_text(FAKE64)
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness")}
    command = [sys.executable, "-P", "-c", SCAN]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "kind='warning'" in done.stdout, done.stderr
    assert "kind='bus-error', title='bus error in example_get, bus 7', severity=<Severity.ERROR" in done.stdout
    assert r"text='[ 1.000000] Fake bus error at 7 [#1]\nFR1: 0\nFPC : example_get+0x10/0x40'" in done.stdout
