# SPDX-License-Identifier: GPL-2.0-only
"""The result of each unit, the store of results during a run, and their summary."""
