# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of transports adds a transport to the command line."""

from pathlib import Path

import pytest

from tests.guest.checkouts import checkout_with
from tests.unit import apart

PIGEON = """# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.guests.transports.serial import create

NAME = "pigeon"
HELP = "a bird in the guest"
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new transport."""
    copy = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = copy / "harness/lazymmu/guests/transports"
    (folder / "pigeon.py").write_text(PIGEON)
    return copy


def test_the_help_lists_a_new_transport(checkout: Path) -> None:
    assert "pigeon (a bird in the guest), serial (" in apart.run(checkout, "run", "--help", COLUMNS="200").stdout


def test_a_run_accepts_a_new_transport_and_no_unknown_one(checkout: Path) -> None:
    done = apart.run(checkout, "run", "no/such/scenario", "--transport", "pigeon")
    assert done.returncode == 2
    assert "no/such/scenario" in done.stderr
    done = apart.run(checkout, "run", "no/such/scenario", "--transport", "swallow")
    assert done.returncode == 2
    assert "unknown transport `swallow`" in done.stderr
    assert "there is: pigeon, serial, ssh" in done.stderr
