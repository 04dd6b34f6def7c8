# SPDX-License-Identifier: GPL-2.0-only
"""`--header FILE`: the lazy-MMU functions of a pgtable.h, out of its text and into the module."""
