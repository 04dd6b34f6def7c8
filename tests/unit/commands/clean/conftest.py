# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the tests of `lazymmu clean`."""

from tests.unit.commands.clean.caches import cache, clean

__all__ = ["cache", "clean"]
