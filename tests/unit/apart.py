# SPDX-License-Identifier: GPL-2.0-only
"""The command line in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lazymmu.support.project import ROOT


def command(*arguments: str) -> list[str]:
    """Return the command as the launcher would run it."""
    return [sys.executable, "-P", "-m", "lazymmu", *arguments]


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment, with the harness where Python finds it."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "harness"), **extra}


def run(
    checkout: Path, *words: str, cwd: Path | None = None, prefix: Sequence[str] = (), **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line of a checkout; `prefix` is the start of the command line."""
    return subprocess.run(
        [*prefix, *command(*words)],
        env=environment(PYTHONPATH=str(checkout / "harness"), **extra),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
