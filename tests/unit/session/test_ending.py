# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run: an interrupt costs no report, and the exit status says if one could not be written."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lazymmu.reports import destination, results_folder
from lazymmu.reports.destination import targets
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.terminal import Terminal
from lazymmu.results import store
from lazymmu.results.run_summary import RunSummary
from lazymmu.session.ending import report
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts
from msgspec.structs import replace

from tests.unit import runs
from tests.unit.support.test_interrupts import interrupt

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def summary(tmp_path: Path) -> RunSummary:
    """A run in which everything passed."""
    return runs.summary(runs.selected(tmp_path / "library"), [])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def ended(
    out: Path,
    summary: RunSummary,
    files: Mapping[str, str],
    results_status: int = 0,
    before: Callable[[results_folder.Folder], None] = lambda _: None,
    log_failures: Sequence[LazymmuError] = (),
) -> tuple[int, str]:
    """Report a run; return the exit status and what the terminal shows. `before` is called before the first report."""
    stream = io.StringIO()
    with results_folder.opened(str(out), NOW) as folder, Interrupts.noted() as interrupts:
        folder.record({})
        before(folder)
        status = report(
            results_status,
            folder,
            summary,
            targets=targets(files),
            terminal=Terminal(stream),
            interrupts=interrupts,
            log_failures=log_failures,
        )
        return status, stream.getvalue()


def recorded_status(out: Path) -> object:
    """Return the exit status in run.json."""
    return json.loads((out / "run.json").read_text())["status"]


@pytest.mark.parametrize(
    ("owner", "function"),
    [
        (results_folder.Folder, "finish"),
        (results_folder, "whole"),
        (Terminal, "report"),
        (destination, "whole"),
    ],
)
def test_interrupts_at_any_moment_cost_no_report(
    out: Path, tmp_path: Path, summary: RunSummary, owner: object, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(owner, function)

    def interrupted(*arguments: object, **named: object) -> object:
        interrupt()
        try:
            return original(*arguments, **named)
        finally:
            interrupt()

    monkeypatch.setattr(owner, function, interrupted)
    files = {flag: str(tmp_path / flag) for flag in (form.FLAG for form in FORMATS.values())}
    status, shown = ended(out, summary, files)
    assert status == recorded_status(out) == 130
    for flag, name in {"--json": "results.json", "--ktap": "results.ktap"}.items():
        assert Path(files[flag]).read_text() == (out / name).read_text()
    assert len(list(ElementTree.parse(files["--junit"]).iter("testcase"))) == runs.SIZE  # noqa: S314  (our own)
    assert "8 pass, 0 fail" in shown


@pytest.mark.parametrize(("own", "status"), [(0, 3), (1, 1), (2, 3), (3, 3)])
def test_a_report_that_cannot_be_written_is_an_error_also_in_run_json(
    out: Path, summary: RunSummary, own: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(out, summary, {"--json": "/dev/full"}, own)[0] == recorded_status(out) == status
    assert "lazymmu: --json `/dev/full` could not be written" in capsys.readouterr().err


def test_an_incomplete_log_is_an_error_also_in_run_json(
    out: Path, summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = [LazymmuError("no space for the one"), LazymmuError("no space for the other")]
    assert ended(out, summary, {}, log_failures=failures)[0] == recorded_status(out) == 3
    assert capsys.readouterr().err == "lazymmu: no space for the one\n"


@pytest.mark.parametrize("full", [("summary.txt", "run.json"), ()])
def test_a_full_disk_is_reported_once_and_costs_no_other_report(
    out: Path, tmp_path: Path, summary: RunSummary, full: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(folder: results_folder.Folder) -> None:
        for name in full:
            (folder.path / f".{name}.partial").symlink_to("/dev/full")

    (tmp_path / "results").symlink_to("/dev/full")
    failures = [LazymmuError(f"no space left in {out}/guests")]
    with store.opened(tmp_path / "results", runs.units(summary), trace=False) as results:
        results.add(summary.results[0])
        files = {"--json": str(tmp_path / "json")}
        status, shown = ended(out, replace(summary, results=results), files, before=fill, log_failures=failures)
    assert (status, "1 pass, 0 fail" in shown) == (3, True)
    assert json.loads((tmp_path / "json").read_text())["summary"]["pass"] == 1
    error = capsys.readouterr().err
    assert error.count("lazymmu: ") == error.count("no space left in ") == 1
    assert f"no space left in {out if full else tmp_path}: " in error
    assert "let --out DIR name another folder" in error
