# SPDX-License-Identifier: GPL-2.0-only
"""The soak as a test: a hundred runs with one fault each have a hundred right outcomes and leave nothing."""

from pathlib import Path

import pytest

from tests.soak.one_fault_each import soak

_COUNT, _SEED = 100, 3


@pytest.mark.guest
@pytest.mark.exhaustive
def test_each_fault_has_its_one_outcome_and_leaves_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    assert soak(tmp_path, _COUNT, _SEED, told.append) == [], told
