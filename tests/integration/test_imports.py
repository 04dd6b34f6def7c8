# SPDX-License-Identifier: GPL-2.0-only
"""Libraries that only some runs need are not imported by the others."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit import apart

# No kernel has such functions for s390x, so no guest is needed to say so.
RUN = ["run", "nesting/single", "--impl", "native", "--arch", "s390x", "--api", "merged", "--verbose"]


@pytest.mark.parametrize(
    ("words", "costly"),
    [
        (["--help"], {"msgspec", "yaml", "filelock"}),
        (["list", "nesting/single"], {"filelock", "pexpect", "rich"}),
        # Its output is no terminal.
        (RUN, {"rich", "jinja2", "asyncio", "watchfiles", "paramiko"}),
    ],
)
def test_a_command_imports_nothing_that_only_others_need(home: Path, words: list[str], costly: set[str]) -> None:
    program = (
        "import sys; from lazymmu.cli import main\ntry: main(sys.argv[1:])\n"
        "finally: print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        env=apart.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert costly & set(ast.literal_eval(done.stdout.splitlines()[-1])) == set()
