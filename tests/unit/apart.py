# SPDX-License-Identifier: GPL-2.0-only
"""The command line in a process of its own."""

from __future__ import annotations

import os
import sys

from lazymmu.support.project import ROOT


def command(*arguments: str) -> list[str]:
    """Return the command as the launcher would run it."""
    return [sys.executable, "-P", "-m", "lazymmu", *arguments]


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment, with the harness where Python finds it."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "harness"), **extra}
