# SPDX-License-Identifier: GPL-2.0-only
"""The console logs of tests/fixtures/console and the findings that are expected in them."""

from pathlib import Path
from typing import Any

import yaml
from lazymmu.support.project import ROOT

FOLDER = ROOT / "tests" / "fixtures" / "console"
LOGS = sorted(FOLDER.glob("*.log"))


def text(log: Path) -> str:
    """Return a log as a console gives it."""
    return log.read_bytes().decode(errors="replace")


def log_text(name: str) -> str:
    """Return the log of a name."""
    return text(FOLDER / f"{name}.log")


def of_host(log: Path) -> bool:
    """Return whether QEMU or the sandbox printed a log, and no guest."""
    return log.stem.startswith(("qemu-", "written-qemu-"))


def expected(log: Path) -> dict[str, Any]:
    """Return the document beside a log."""
    return dict(yaml.safe_load(log.with_suffix(".yaml").read_text()))
