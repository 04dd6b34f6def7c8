# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of `lazymmu clean` share: a cache of needed things, and the command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.provision.cache import Cache

from tests.unit.commands.clean.caches import Clean, needed


@pytest.fixture
def cache(home: Path) -> Cache:
    """The user's cache; everything in it is needed."""
    return needed(home / "cache" / "lazymmu")


@pytest.fixture
def clean(capsys: pytest.CaptureFixture[str]) -> Clean:
    """Return a function that runs the command and returns how it ended."""

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        status = main(["clean", *flags])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(flags, status, said.out, said.err)

    return run
