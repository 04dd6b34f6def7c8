# SPDX-License-Identifier: GPL-2.0-only
"""The model and the module say the same of ten thousand random programs on each guest."""

import pytest

from tests.guest import machines
from tests.soak.random_programs import compare

_COUNT, _SEED = 10_000, 20260701


@pytest.mark.guest
@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", machines.ARCHES)
def test_no_program_is_told_differently(arch: str) -> None:
    with machines.ready(machines.machine(arch)) as connection:
        _, found = compare(connection, _COUNT, _SEED)
        assert found == ""
        assert machines.alive(connection) == [0, 0]
