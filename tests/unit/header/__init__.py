# SPDX-License-Identifier: GPL-2.0-only
"""The text of a header: what is found in it, what is refused, and what becomes of it."""
