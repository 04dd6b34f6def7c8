# SPDX-License-Identifier: GPL-2.0-only
"""Libraries that only some runs need are not imported by the others."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.unit import apart

PROGRAM = """
import io, sys
from pathlib import Path
from lazymmu.session import run
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.live import LiveView
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.support.project import LIBRARY
from datetime import datetime
selected = units(load(["nesting/single"], LIBRARY), Selection())
store = ResultStore(selected)
with LiveView(Terminal(sys.stdout), store, verbose=True).shown() as view:
    store.add(Result.of(selected[0], "fail", "why"))
summary = RunSummary(results=store, interrupted=True, accelerators={}, started=datetime(2030, 1, 1), seconds=0.0)
Terminal(sys.stdout).report(summary, Path("results"))
for name in ("json", "ktap"):
    FORMATS[name].write(summary, io.StringIO())
costly = {"rich", "junitparser", "jinja2", "asyncio", "watchfiles", "paramiko"}
print(sorted({name.partition(".")[0] for name in sys.modules} & costly))
"""


def test_a_run_in_a_log_imports_nothing_that_only_a_terminal_or_another_report_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "costly"),
    [
        (["--help"], {"msgspec", "yaml", "filelock"}),
        (["list", "nesting/single"], {"filelock", "pexpect", "rich"}),
    ],
)
def test_a_command_imports_nothing_that_only_other_commands_need(words: list[str], costly: set[str]) -> None:
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
