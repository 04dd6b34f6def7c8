# SPDX-License-Identifier: GPL-2.0-only
"""The lazy MMU test harness."""

__version__ = "0.1.0"
