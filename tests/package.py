# SPDX-License-Identifier: GPL-2.0-only
"""The package as a user gets it, for tests: built, installed away from the checkout, and run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from sysconfig import get_path

from lazymmu.support.project import ROOT

TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
# What builds and interpreters leave.
_GENERATED = ("guest/module/main.o", "guest/module/lazymmu.ko", "guest/module/.main.o.cmd", "guest/shell/x.pyc")


def build(tree: Path) -> Path:
    """Build the package from a new folder with the tracked files and some generated ones.

    Returns the folder with the source distribution and the wheel.
    """
    for name in TRACKED:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    for name in _GENERATED:
        (tree / name).write_text("generated")
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=tree, check=True, capture_output=True)
    return tree / "dist"


def install(built: Path) -> Path:
    """Install the source distribution in a new environment, which has this one's libraries. Returns its folder."""
    venv = built.parent / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / "libraries.pth").write_text(get_path("purelib"))
    (sdist,) = built.glob("*.tar.gz")
    pip = [str(venv / "bin/python"), "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", str(sdist)]
    subprocess.run(pip, check=True)
    return venv


def run(venv: Path, *words: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the installed command, away from the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [*prefix, str(venv / "bin/lazymmu"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)
