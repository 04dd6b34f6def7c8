# SPDX-License-Identifier: GPL-2.0-only
"""`--header FILE`: compiles the lazy-MMU functions of a pgtable.h into the module."""
