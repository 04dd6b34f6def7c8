# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of transports adds a transport to the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with

PIGEON = """# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.guests.transports.serial import create

NAME = "pigeon"
HELP = "a bird in the guest"
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new transport, and a file that breaks the convention."""
    copy = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = copy / "harness/lazymmu/guests/transports"
    (folder / "pigeon.py").write_text(PIGEON)
    (folder / "broken.py").write_text('NAME = "broken"\nHELP = 7\n')
    return copy


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness"), "COLUMNS": "200"}
    command = [sys.executable, "-P", "-m", "lazymmu", "run", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_help_lists_a_new_transport(checkout: Path) -> None:
    assert "pigeon (a bird in the guest), serial (" in run(checkout, "--help").stdout


def test_a_run_accepts_a_new_transport_and_no_unknown_one(checkout: Path) -> None:
    done = run(checkout, "no/such/scenario", "--transport", "pigeon")
    assert done.returncode == 2
    assert "no/such/scenario" in done.stderr
    done = run(checkout, "no/such/scenario", "--transport", "swallow")
    assert done.returncode == 2
    assert "unknown transport `swallow`" in done.stderr
    assert "there is: pigeon, serial, ssh" in done.stderr


def test_only_a_run_that_names_a_broken_transport_fails(checkout: Path) -> None:
    done = run(checkout, "nesting/single", "--transport", "broken")
    assert done.returncode == 3
    assert "transports/broken.py:2: HELP of the transport is 7" in done.stderr
