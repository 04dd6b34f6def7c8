# SPDX-License-Identifier: GPL-2.0-only
"""`run --resume`: finished results are reported, and a run that cannot be resumed is refused and not changed."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results import store
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.support.project import LIBRARY
from msgspec import Struct

from tests.unit import runs
from tests.unit.rows import each_row

DEEP = "description: x\nvary: {depth: [1, 2]}\nsteps: [{repeat: {times: $depth, steps: [enable]}}]\n"


class Unfinished(Struct, frozen=True):
    """A run of the scenarios in a folder that ended before it had all results."""

    given: Path
    out: Path
    capsys: pytest.CaptureFixture[str]

    def units(self) -> tuple[Unit, ...]:
        return units(load(["given"], LIBRARY), Selection(apis=("merged",)))

    def finish(self, outcomes: Sequence[str]) -> None:
        """Add the results of the first units, as a run does."""
        with store.opened(self.out / store.FILE, self.units(), trace=False) as results:
            for unit, outcome in zip(self.units(), outcomes, strict=False):
                results.add(runs.result(unit, outcome, "why"))

    def resume(self, *flags: str) -> tuple[int, str]:
        """Return the exit status and all output."""
        self.capsys.readouterr()
        status = main(["run", "--resume", str(self.out), *flags])
        output = self.capsys.readouterr()
        return status, output.out + output.err

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.out.rglob("*") if path.is_file()}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Unfinished:
    """A run that failed because there was no kernel."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    given = tmp_path / "given"
    given.mkdir()
    (given / "deep.yaml").write_text(DEEP)
    (tmp_path / "known.yaml").write_text("[]\n")
    out = tmp_path / "out"
    flags = ["--api", "merged", "--known", "known.yaml", "--offline", "--no-skip"]
    assert main(["run", "given", *flags, "--out", str(out)]) == 3
    return Unfinished(given, out, capsys)


ALL = ["pass"] * 6


def test_a_run_with_all_results_is_reported_without_a_guest(run: Unfinished, tmp_path: Path) -> None:
    run.finish(["pass", "fail", *ALL[2:]])
    status, output = run.resume("--json", str(tmp_path / "run.json"))
    assert status == 1, output
    assert "5 pass, 1 fail, 0 error, 0 skip in " in output
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["summary"] == {"pass": 5, "fail": 1, "error": 0, "skip": 0}
    assert document["interrupted"] is False
    facts = json.loads((run.out / "run.json").read_text())
    assert (facts["status"], len(facts["resumed"])) == (1, 1)
    assert facts["command"][:3] == ["lazymmu", "run", "given"]
    assert facts["resumed"][0]["command"][:3] == ["lazymmu", "run", "--resume"]
    assert (run.out / "results.json").read_text() == (tmp_path / "run.json").read_text()
    status, output = run.resume()
    assert (status, "this run has ended, with status 1" in output) == (2, True)


def test_flags_of_the_first_run_still_apply(run: Unfinished) -> None:
    # It began with --no-skip.
    run.finish(["skip", *ALL[1:]])
    assert run.resume()[0] == 3


def test_reports_are_written_relative_to_the_current_working_folder(
    run: Unfinished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.finish(ALL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    status, output = run.resume("--ktap", "here.ktap", "--json", "-", "--quiet")
    assert status == 0, output
    assert (tmp_path / "elsewhere" / "here.ktap").exists()
    assert Path.cwd() == tmp_path / "elsewhere"


def test_the_reports_of_the_interrupted_command_are_written_too(
    run: Unfinished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    pipe.symlink_to("/dev/null")
    reports = ["--json", "a.json", "--ktap", "a.ktap", "--html", str(pipe), "--junit", "-"]
    assert main(["run", "given", "--api", "merged", "--offline", *reports, "--out", str(run.out)]) == 3
    run.finish(ALL)
    pipe.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # A report that is given takes the place of the first one; a pipe and standard output were that command's own.
    status, output = run.resume("--ktap", "b.ktap")
    assert status == 0, output
    assert "<testsuites" not in output
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"a.json", "elsewhere/b.ktap"} <= files
    assert not files & {"a.ktap", "elsewhere/a.json", "pipe"}


@pytest.mark.parametrize("torn", [False, True])
def test_only_units_without_a_result_are_run(run: Unfinished, torn: bool) -> None:
    run.finish(ALL if torn else ALL[:5])
    if torn:
        path = run.out / store.FILE
        path.write_bytes(path.read_bytes()[:-20])
    before = run.files()
    # There is no kernel, so the run fails and changes nothing, except that a torn line is cut off.
    for _ in range(2):
        status, output = run.resume("--offline")
        assert (status, "--offline" in output) == (3, True)
        assert torn or run.files() == before
    # It needs only the architecture of the last unit.
    assert f"for {run.units()[5].arch} are not in the cache" in output


@pytest.fixture
def complete(run: Unfinished) -> Unfinished:
    """Return a run that has all results."""
    run.finish(ALL)
    return run


@each_row(
    "flags",
    [
        *(["given"], ["--arch", "arm64"], ["--api=all"], ["--tag", "x"], ["--repeat", "1"], ["--shuffle", "1"]),
        *(["--kernel", "lts"], ["--known", "known.yaml"], ["--out", "x"], ["--trace"], ["--no-skip"], ["--watch"]),
        *(["--isolation", "shared"], ["--fresh-boot"], ["--timeout-scale", "1"], ["--impl", "module"]),
        *(["--transport", "serial"], ["--shard", "1/2"], ["--failed-from", "x"], ["--plan", "x"]),
    ],
)
def test_flags_that_select_are_refused(complete: Unfinished, flags: list[str]) -> None:
    before = complete.files()
    status, output = complete.resume(*flags)
    assert status == 2, output
    assert flags[0].partition("=")[0] in output
    assert " cannot be given " in output
    assert complete.files() == before


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "# edited\n")


def change_module(run: Unfinished) -> None:
    """Let run.json have another digest of the module's source."""
    facts = json.loads((run.out / "run.json").read_text())
    facts["sources"]["guest/module"] = "0"
    (run.out / "run.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: edit(run.given / "deep.yaml"), "scenario given/deep.yaml"),
        (lambda run: (run.given / "more.yaml").write_text(DEEP), "scenario given/more (not selected at first)"),
        (
            lambda run: (run.given / "deep.yaml").rename(run.given / "other.yaml"),
            "scenario given/deep (no longer selected)",
        ),
        (lambda run: edit(run.given.parent / "known.yaml"), "the source known.yaml"),
        (change_module, "the source guest/module"),
    ],
)
def test_a_change_since_the_beginning_is_named_and_nothing_is_written(
    run: Unfinished, change: Callable[[Unfinished], object], message: str
) -> None:
    run.finish(ALL[:5])
    change(run)
    before = run.files()
    status, output = run.resume()
    assert (status, message in output) == (2, True), output
    assert run.files() == before


def test_results_of_other_units_are_refused(run: Unfinished) -> None:
    run.finish(ALL[:5])
    path = run.out / store.FILE
    path.write_text(path.read_text().replace('"arch":"arm64"', '"arch":"s390x"'))
    status, output = run.resume()
    assert (status, f"{path}:1: not a result of what is selected" in output) == (2, True), output


@pytest.mark.parametrize("name", ["none", "empty", "file", "foreign"])
def test_a_folder_of_no_run_is_refused(run: Unfinished, name: str) -> None:
    (run.given.parent / "empty").mkdir()
    (run.given.parent / "file").touch()
    (run.given.parent / "foreign").mkdir()
    (run.given.parent / "foreign" / "run.json").write_text("{}")
    assert main(["run", "--resume", name]) == 2
    assert f"--resume `{name}`" in run.capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "stopped", "resumed"), [(130, "", 0), (0, "", 2), (3, "stopped by --max-time 9", 0)]
)
def test_a_run_that_ended_early_can_be_resumed_and_a_complete_one_cannot(
    run: Unfinished, status: int, stopped: str, resumed: int
) -> None:
    run.finish(ALL)
    facts = json.loads((run.out / "run.json").read_text())
    facts |= {"status": status, "stopped": stopped, "finished": datetime.now(UTC).isoformat()}
    (run.out / "run.json").write_text(json.dumps(facts))
    (run.out / "results.json").touch()
    assert run.resume("--max-time", "1000", "-x")[0] == resumed
