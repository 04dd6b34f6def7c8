# SPDX-License-Identifier: GPL-2.0-only
"""The result of each unit, how results are stored while a run goes on, and what they add up to."""
