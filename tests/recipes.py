# SPDX-License-Identifier: GPL-2.0-only
"""Follows a recipe of CONTRIBUTING.md in a copy of the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lazymmu.support.project import ROOT

from tests.documents import Command, missing, recipes, steps
from tests.guest.checkouts import checkout_with

# Replaces the launcher, whose environment this process runs in. `test` is pytest without tox, for findings only.
_LAUNCHER = """\
#!/bin/sh
[ "$1" != test ] || { shift 2; exec "$PYTHON" -m pytest -q -p no:cacheprovider tests/unit/guests/findings "$@"; }
exec "$PYTHON" -P -m lazymmu "$@"
"""


def needs_guest(recipe: str) -> bool:
    """Return whether a recipe runs guests."""
    return any(
        isinstance(step, Command) and step.words[:2] == ("./lazymmu", "run") for step in steps(recipes()[recipe])
    )


def follow(recipe: str, folder: Path) -> None:
    """Save the recipe's files and run its commands, at the top of a copy of the checkout."""
    checkout = checkout_with((), folder / "checkout")
    shutil.copytree(ROOT / "tests", checkout / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    (checkout / "lazymmu").write_text(_LAUNCHER)
    (checkout / "lazymmu").chmod(0o755)
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONPATH": str(checkout / "harness"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    for step in steps(recipes()[recipe]):
        if not isinstance(step, Command):
            path = checkout / step.path
            assert path.parent.is_dir(), f"{step.path}: the catalogue's folder is another one"
            path.write_text(step.text)
            continue
        done = subprocess.run(
            ["sh", "-ec", step.text], cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        written = done.stdout + done.stderr
        assert done.returncode == step.status, f"{step.text}\n{written}"
        assert missing(step.output or "", written) == [], f"{step.text}\n{written}"
