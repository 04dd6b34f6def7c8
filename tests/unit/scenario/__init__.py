# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the scenario language, on real files; every bad input must name its place."""
