# SPDX-License-Identifier: GPL-2.0-only
"""The console logs of tests/fixtures/console with what should be found in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from lazymmu.support.project import ROOT
from msgspec import Struct

FOLDER = ROOT / "tests" / "fixtures" / "console"
LOGS = sorted(FOLDER.glob("*.log"))


class Expected(Struct, frozen=True):
    """One finding as the .yaml beside a log tells it."""

    kind: str
    title: str
    severity: str
    #: Where it begins, and how many lines it has.
    line: int
    lines: int


def text(log: Path) -> str:
    """Return a log as the console gives it."""
    return log.read_bytes().decode(errors="replace")


def document(log: Path) -> dict[str, Any]:
    """Return the document beside a log."""
    return dict(yaml.safe_load(log.with_suffix(".yaml").read_text()))


def expected(log: Path) -> list[Expected]:
    """Return what should be found in a log."""
    return [Expected(**entry) for entry in document(log)["findings"]]
