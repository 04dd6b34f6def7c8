# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the scenario language's tests."""

from pathlib import Path

import pytest

from .workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Return an empty library to work with."""
    return Workbench(tmp_path)
