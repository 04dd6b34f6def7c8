# SPDX-License-Identifier: GPL-2.0-only
"""A run that is interrupted, or that a disk refuses, leaves nothing half done and prints one error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.disks import read_only
from tests.soak.interrupts import Playground, soak


@pytest.mark.exhaustive
def test_random_moments(tmp_path: Path, everyday_or_all: Callable[[int, int], int]) -> None:
    mistakes: list[str] = []
    assert soak(tmp_path / "playground", everyday_or_all(2, 100), seed=1, say=mistakes.append) == [], mistakes


def test_a_read_only_cache_without_the_module_is_one_error(tmp_path: Path) -> None:
    playground = Playground(tmp_path / "playground", ["s390x"])
    playground.forget_builds()
    status, output = playground.run(before=read_only(playground.cache.parent))
    assert status == 3, output
    assert f"{playground.cache} cannot be written: Read-only file system" in output
    # The second unit has the same error, which is not repeated.
    assert output.count("LAZYMMU_CACHE") == 1, output
