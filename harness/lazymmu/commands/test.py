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

# Folders of tests/, with the processes that run them. Guests wait for each other and for disks: three processes use
# two cores better than two do. Unit tests wait for nothing, so a third would only cost its start.
_TIERS = {"unit": 2, "integration": 3, "guest": 3, "soak": 3}


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
    chosen = ["run", "--", *words]
    if words and words[0] in _TIERS:
        pytest = ["pytest", "-n", str(_TIERS[words[0]]), "--dist", "loadfile", f"tests/{words[0]}", *words[1:]]
        chosen = ["exec", "-e", "check", "--", *pytest]  # tox makes an environment anew if it gets another name
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tox", *chosen])  # noqa: S606
