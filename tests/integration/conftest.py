# SPDX-License-Identifier: GPL-2.0-only
"""Every integration test has a state folder of its own."""

from tests.integration.caches import cache, clean
from tests.state_folders import home, state_folder
from tests.unit.conftest import units
from tests.unit.guests.conftest import peer

__all__ = ["cache", "clean", "home", "peer", "state_folder", "units"]
