# SPDX-License-Identifier: GPL-2.0-only
"""Measures the harness, QEMU alone, and the obvious way to drive the module; shows the figures."""
