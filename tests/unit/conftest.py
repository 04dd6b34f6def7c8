# SPDX-License-Identifier: GPL-2.0-only
"""Every unit test has a state folder of its own."""

from tests.state_folders import home, state_folder

__all__ = ["home", "state_folder"]
