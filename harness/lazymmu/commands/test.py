# SPDX-License-Identifier: GPL-2.0-only
"""The command `test`: the project's own linters and tests."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from importlib.util import find_spec

from lazymmu.support.errors import SetupError
from lazymmu.support.project import ROOT


def test(arguments: Namespace) -> int:
    """Replace this process by tox, which runs the linters and the tests."""
    if find_spec("tox") is None:
        raise SetupError("tox is not installed in this environment", hint="pip install -r requirements.txt")
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tox", "run", "--", *arguments.arguments])  # noqa: S606
