# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue of kinds of cache entries: one file each."""
