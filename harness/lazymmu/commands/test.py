# SPDX-License-Identifier: GPL-2.0-only
"""The command `test`: the project's own linters and tests."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from importlib.util import find_spec

from lazymmu.support.errors import SetupError
from lazymmu.support.project import ROOT

# Folders of tests/; each is an environment of tox.ini.
_TIERS = ("unit", "integration", "guest", "soak")


def test(arguments: Namespace) -> int:
    """Replace this process by tox, which runs the linters and all tests, or the tests of one tier."""
    if find_spec("tox") is None:
        raise SetupError("tox is not installed in this environment", hint="pip install -r requirements.txt")
    first, rest = arguments.arguments[:1], arguments.arguments[1:]
    chosen = ["-e", *first, "--", *rest] if first and first[0] in _TIERS else ["--", *arguments.arguments]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tox", "run", *chosen])  # noqa: S606
