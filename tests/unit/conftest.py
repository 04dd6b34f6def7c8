# SPDX-License-Identifier: GPL-2.0-only
"""Every unit test has a state folder of its own."""

import pytest
from lazymmu.results.result import Unit

from tests.state_folders import home, state_folder
from tests.unit import runs

__all__ = ["home", "state_folder"]


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    """Return the units of runs.py."""
    return runs.selected(tmp_path_factory.mktemp("library"))
