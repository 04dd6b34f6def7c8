# SPDX-License-Identifier: GPL-2.0-only
"""The fixture of the tests that play an agent."""

from collections.abc import Iterator

import pytest

from tests.unit.guests.peer import Peer, connected


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A guest whose agent is played by the test."""
    with connected() as guest:
        yield guest
