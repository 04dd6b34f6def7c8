# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the reference model. Every expected value is derived by hand from docs/semantics.md."""
