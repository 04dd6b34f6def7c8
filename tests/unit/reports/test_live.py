# SPDX-License-Identifier: GPL-2.0-only
"""A run as it goes on: machines' lines on a terminal and none in a log, and a terminal that is whole afterwards."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.store import Results
from lazymmu.support.project import ROOT
from msgspec.structs import replace

from tests.unit import runs

_HIDDEN, _SHOWN = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


def go(terminal: Terminal, units: tuple[Unit, ...], *, quiet: bool = False, verbose: bool = False) -> None:
    """Let a run with a pass, a failure, a known failure and an error go on, and report it."""
    results = Results(units)
    ends = [
        runs.result(units[0], Outcome.PASS),
        runs.result(units[1], Outcome.FAIL, "f"),
        replace(runs.result(units[2], Outcome.FAIL, "g"), known="bug 7"),
        runs.result(units[3], Outcome.ERROR, "the guest died", "last words"),
    ]
    with terminal.view(results, quiet=quiet, verbose=verbose) as view:
        for arch in runs.ARCHES:
            view.changed(arch, "running")
        view.changed("arm64 #2", "restoring")
        for position, result in enumerate(ends):
            results.add(position, result)
            view.ended(result)
        view.changed("arm64", "done")
    run = replace(runs.finished(units, []), results=results)
    terminal.finished(run, Path("results"), quiet=quiet)


def logged(units: tuple[Unit, ...], *, quiet: bool = False, verbose: bool = False) -> list[str]:
    """Return what a log gets."""
    stream = io.StringIO()
    go(Terminal(stream), units, quiet=quiet, verbose=verbose)
    return stream.getvalue().splitlines()


REPORT = [
    "fail  nesting/deep: 1 pass, 1 fail, 1 error, 1 known",
    "FAIL nesting/deep[depth=1] merged on s390x",
]
LAST = "1 pass, 1 fail, 1 error, 0 skip, 1 known in 2.0 s"


def test_a_log_gets_the_report_and_nothing_before_it(units: tuple[Unit, ...]) -> None:
    lines = logged(units)
    assert lines[:2] == REPORT
    assert lines[-1] == LAST
    assert "    last words" in lines
    assert "known fail nesting/deep[depth=2] merged on arm64: bug 7" in lines


def test_verbose_shows_each_unit_as_it_ends(units: tuple[Unit, ...]) -> None:
    lines = logged(units, verbose=True)
    assert lines[:4] == [
        "pass  nesting/deep[depth=1] merged on arm64 (0.25 s)",
        "fail  nesting/deep[depth=1] merged on s390x (0.25 s): f",
        "known fail nesting/deep[depth=2] merged on arm64 (0.25 s): bug 7",
        "error nesting/deep[depth=2] merged on s390x (0.25 s): the guest died",
    ]
    assert lines[4:] == logged(units)


def test_quiet_shows_what_is_no_pass_and_the_last_line(units: tuple[Unit, ...]) -> None:
    lines = logged(units, quiet=True)
    assert lines[0] == REPORT[1]
    assert lines[-1] == LAST
    assert "    last words" in lines
    assert [line for line in lines if line[0] != " "] == [
        "FAIL nesting/deep[depth=1] merged on s390x",
        "ERROR nesting/deep[depth=2] merged on s390x",
        LAST,
    ]


def on_terminal(act: Callable[[Terminal], None]) -> tuple[str, bool]:
    """Return what a real terminal gets, and whether its settings are as they were."""
    master, slave = pty.openpty()
    got: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            got.append(data)

    termios.tcsetwinsize(slave, (24, 120))
    before = termios.tcgetattr(slave)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        with os.fdopen(slave, "w", encoding="utf-8", closefd=False) as stream:
            act(Terminal(stream))
        after = termios.tcgetattr(slave)
    finally:
        os.close(slave)
        reader.join(timeout=10)
        os.close(master)
    return b"".join(got).decode(), before == after


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the machine decide what a terminal is."""
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_has_a_line_for_each_machine_and_failures_as_they_come(units: tuple[Unit, ...]) -> None:
    shown, _ = on_terminal(lambda terminal: go(terminal, units))
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain(shown))]
    assert any(re.fullmatch(r"arm64 +waiting +0/4 +0\.\d s", line) for line in lines)
    last = lines[: lines.index(REPORT[0])]
    assert any(re.fullmatch(r"arm64 +done +2/4 +\d\.\d s", line) for line in last)
    assert any(re.fullmatch(r"s390x +running +2/4 +\d\.\d s", line) for line in last)
    assert any(re.fullmatch(r"arm64 #2 +restoring +\d\.\d s", line) for line in last)
    # Above the machines' lines, and before the report.
    for line in ("fail  nesting/deep[depth=1] merged on s390x (0.25 s): f", "known fail nesting/deep[depth=2]"):
        assert any(one.startswith(line) for one in last)
    assert not any(line.startswith("pass  nesting/deep[depth=1]") for line in lines)
    assert lines[-2] == LAST


def test_quiet_draws_nothing(units: tuple[Unit, ...]) -> None:
    shown, _ = on_terminal(lambda terminal: go(terminal, units, quiet=True))
    assert _HIDDEN not in shown
    assert "waiting" not in shown
    assert plain(shown).replace("\r\n", "\n").splitlines() == logged(units, quiet=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_terminal_is_whole_after_an_exception(units: tuple[Unit, ...], error: type[BaseException]) -> None:
    def broken(terminal: Terminal) -> None:
        with pytest.raises(error), terminal.view(Results(units)):
            raise error

    shown, same = on_terminal(broken)
    assert same
    assert shown.count(_HIDDEN) == shown.count(_SHOWN) == 1
    assert shown.rindex(_SHOWN) > shown.rindex(_HIDDEN)


def test_a_terminal_that_is_gone_costs_no_machine_its_thread(units: tuple[Unit, ...]) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  (its end fails, too)
    try:
        with Terminal(full).view(Results(units), verbose=True) as view:
            for _ in range(3):
                view.ended(runs.result(units[0], Outcome.PASS))
    finally:
        with suppress(OSError):
            full.close()


LOGGED = """
import sys
from pathlib import Path
from lazymmu.session import run
from lazymmu.reports.terminal import Terminal
from tests.unit import runs
from tests.unit.reports.test_live import go
go(Terminal(sys.stdout), runs.selected(Path(sys.argv[1])), verbose=True)
costly = {"rich", "junitparser", "jinja2", "asyncio", "watchfiles"}
print(sorted({name.partition(".")[0] for name in sys.modules} & costly))
"""


def test_a_log_does_not_wait_for_what_only_a_terminal_needs(tmp_path: Path) -> None:
    code = LOGGED.replace("from tests.unit.reports.test_live import go\n", f"{GO}\n")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


#: A short run without what the test tools import.
GO = """
from lazymmu.results.store import Results
from lazymmu.results.result import Outcome
from msgspec.structs import replace
def go(terminal, units, verbose):
    results = Results(units)
    with terminal.view(results, verbose=verbose) as view:
        result = runs.result(units[0], Outcome.FAIL, "f")
        results.add(0, result)
        view.ended(result)
    terminal.finished(replace(runs.finished(units, []), results=results), Path("results"))
"""
