# SPDX-License-Identifier: GPL-2.0-only
"""How a command that cannot go on says so."""

from __future__ import annotations

import sys

from lazymmu.support.errors import GuestError, LazymmuError


def told(error: LazymmuError | OSError) -> int:
    """Print what went wrong on standard error, and return the exit status of it."""
    print(f"lazymmu: {error}", file=sys.stderr)
    if isinstance(error, GuestError) and error.details:
        print(error.details, file=sys.stderr)
    return error.exit_status if isinstance(error, LazymmuError) else LazymmuError.exit_status
