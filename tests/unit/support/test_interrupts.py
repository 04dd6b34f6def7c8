# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts while results must not be lost, and the status of a run whose reports cannot all be written."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Timer
from xml.etree import ElementTree

import pytest
from lazymmu.reports import destination, results_folder
from lazymmu.reports.destination import targets
from lazymmu.reports.terminal import Terminal
from lazymmu.results.run_summary import RunSummary
from lazymmu.session.run import report
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import PATIENCE, Interrupts

from tests.unit import runs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBERS = (signal.SIGINT, signal.SIGTERM)


def interrupt() -> None:
    """Interrupt this process in each way, twice."""
    for number in NUMBERS * 2:
        os.kill(os.getpid(), number)


@pytest.fixture
def finished(tmp_path: Path) -> RunSummary:
    """A run in which everything passed."""
    return runs.summary(runs.selected(tmp_path / "library"), [])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def ended(
    out: Path,
    run: RunSummary,
    goals: Mapping[str, str],
    own: int = 0,
    before: Callable[[results_folder.Folder], None] = lambda _: None,
    log_failures: Sequence[LazymmuError] = (),
) -> tuple[int, str]:
    """Report a run; return the exit status and what the terminal shows. `before` is called before the first report."""
    stream = io.StringIO()
    with results_folder.opened(str(out), NOW) as kept, Interrupts.noted() as interrupts:
        kept.record({})
        before(kept)
        to = targets(goals)
        status = report(
            own,
            kept,
            run,
            {},
            goals=to,
            terminal=Terminal(stream),
            interrupts=interrupts,
            log_failures=log_failures,
        )
        return status, stream.getvalue()


def status_kept(out: Path) -> object:
    """Return the exit status that run.json tells."""
    return json.loads((out / "run.json").read_text())["status"]


def test_interrupts_are_noted_and_wake_who_waits() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with Interrupts.noted() as interrupts:
        assert not interrupts.came
        timer = Timer(0.05, interrupt)
        timer.start()
        interrupts.wait()
        timer.join()
        assert interrupts.came
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts.noted() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupts.came
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (results_folder.Folder, "finish"),
        (results_folder, "whole"),
        (Terminal, "report"),
        (destination, "whole"),
    ],
)
def test_interrupts_at_any_moment_cost_no_report(
    out: Path, tmp_path: Path, finished: RunSummary, owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(owner, name)

    def interrupted(*arguments: object, **named: object) -> object:
        interrupt()
        try:
            return original(*arguments, **named)
        finally:
            interrupt()

    monkeypatch.setattr(owner, name, interrupted)
    files = {flag: str(tmp_path / flag) for flag in ("--json", "--junit", "--ktap", "--html")}
    status, shown = ended(out, finished, files)
    assert status == status_kept(out) == 130
    for flag, kept in {"--json": "results.json", "--ktap": "results.ktap"}.items():
        assert Path(files[flag]).read_text() == (out / kept).read_text()
    assert len(list(ElementTree.parse(files["--junit"]).iter("testcase"))) == runs.SIZE  # noqa: S314  (our own)
    assert "8 pass, 0 fail" in shown


def test_nobody_who_reads_a_pipe_is_not_waited_for_for_ever(out: Path, tmp_path: Path, finished: RunSummary) -> None:
    os.mkfifo(tmp_path / "pipe")
    given_up = Event()

    def ask() -> None:
        while not given_up.wait(PATIENCE / 4):
            os.kill(os.getpid(), signal.SIGTERM)  # SIGINT may be ignored, in a background job

    with Interrupts.noted(), ThreadPoolExecutor() as pool:
        pool.submit(ask)
        try:
            status, _ = ended(out, finished, {"--ktap": str(tmp_path / "pipe"), "--json": str(tmp_path / "json")})
        finally:
            given_up.set()
    assert status == status_kept(out) == 130
    assert (tmp_path / "json").exists()


@pytest.mark.parametrize(("own", "status"), [(0, 3), (1, 1), (2, 3), (3, 3)])
def test_a_report_that_cannot_be_written_is_an_error_that_run_json_tells(
    out: Path, finished: RunSummary, own: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(out, finished, {"--json": "/dev/full"}, own)[0] == status_kept(out) == status
    assert "lazymmu: --json `/dev/full` could not be written" in capsys.readouterr().err


def test_a_log_that_was_not_kept_is_an_error_that_run_json_tells(
    out: Path, finished: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = [LazymmuError("no space for the one"), LazymmuError("no space for the other")]
    assert ended(out, finished, {}, log_failures=failures)[0] == status_kept(out) == 3
    assert capsys.readouterr().err == "lazymmu: no space for the one\n"


def test_a_full_disk_is_told_once(out: Path, finished: RunSummary, capsys: pytest.CaptureFixture[str]) -> None:
    def fill(kept: results_folder.Folder) -> None:
        for name in ("summary.txt", "run.json"):
            (kept.path / f".{name}.{os.getpid()}.partial").symlink_to("/dev/full")

    failures = [LazymmuError(f"no space left in {out}/guests")]
    assert ended(out, finished, {}, before=fill, log_failures=failures)[0] == 3
    error = capsys.readouterr().err
    assert error.count("lazymmu: ") == error.count("no space left in ") == 1
    assert f"no space left in {out}: " in error
