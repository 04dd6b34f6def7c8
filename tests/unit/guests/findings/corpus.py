# SPDX-License-Identifier: GPL-2.0-only
"""The console logs of tests/fixtures/console and the findings that are expected in them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from lazymmu.scenario.strict_yaml.compose import PARSER
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


@cache
def expected(log: Path) -> dict[str, Any]:
    """Return the document beside a log."""
    return dict(loaded(log.with_suffix(".yaml")))


def loaded(path: Path) -> Any:
    """Return what a YAML file says."""
    return yaml.load(path.read_text(), PARSER)  # noqa: S506  (a safe one)
