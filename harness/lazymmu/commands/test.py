# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu test`: runs the project's own linters and tests, by tox."""

import os
import sys
from argparse import Namespace
from importlib.util import find_spec

from lazymmu.parser import Parser
from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.project import IN_CHECKOUT, ROOT

NAME = "test"
HELP = "run the project's own tests; pytest gets what follows"

# Folders of tests/; each is an environment of tox.ini.
_TIERS = ("unit", "integration", "guest", "soak")


def flags(parser: Parser) -> None:
    parser.usage = f"lazymmu test [--install] [{'|'.join(_TIERS)}] [ARGUMENT ...]"
    parser.rest_after = ""


def main(arguments: Namespace) -> int:
    if not IN_CHECKOUT:
        raise UsageError("`lazymmu test` needs a checkout: an installed lazymmu has no tests")
    if find_spec("tox") is None:
        raise SetupError("tox is not installed in this environment", hint="pip install -r tests/tox.txt")
    # The launcher takes this word away, and installs what the host lacks.
    words = [word for word in arguments.words if word != "--install"]
    tier = words[:1]
    chosen = ["-e", *tier, "--", *words[1:]] if tier and tier[0] in _TIERS else ["--", *words]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tox", "run", *chosen])  # noqa: S606
