# SPDX-License-Identifier: GPL-2.0-only
"""Lists in messages."""

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int) -> str:
    """Return the first `most` of these names, and how many more there are, such as `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
