# SPDX-License-Identifier: GPL-2.0-only
"""The results folder is complete or visibly not, is not shared by two runs, and is removed when it is too old."""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.reports import results_folder
from lazymmu.results.result import Unit
from lazymmu.support.errors import LazymmuError, SetupError, UsageError
from msgspec.structs import replace

from tests.unit import examples, runs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FACTS = {"command": ["lazymmu", "run"]}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a state folder for this test; return the folder of runs in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "lazymmu" / "runs"


def run_once(units: tuple[Unit, ...], out: str | None = None, started: datetime = NOW) -> Path:
    """Write a complete folder as the command `run` does; return it."""
    with results_folder.opened(out, started) as folder:
        folder.record(FACTS)
        folder.keep([unit.scenario for unit in units])
        (folder.guests / "arm64-1.console.log").write_text("booted\n")
        folder.finish(replace(runs.summary(units, ["fail", "error"]), facts=FACTS))
        return folder.path


def test_a_folder_has_the_reports_of_the_run(
    units: tuple[Unit, ...], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = run_once(units)
    assert path.parent == state
    assert sorted(entry.name for entry in path.iterdir() if entry.name != results_folder.LOCK) == [
        *("guests", "results.json", "results.ktap", "run.json", "scenarios", "summary.txt")
    ]
    assert json.loads((path / "results.json").read_text()) == runs.document(runs.summary(units, ["fail", "error"]))
    assert json.loads((path / "run.json").read_text()) == {"schema": 1, "program": "lazymmu", **FACTS}
    assert (path / "results.ktap").read_text().startswith("KTAP version 1\n")
    summary = (path / "summary.txt").read_text()
    assert f"results: {path}\n6 pass, 1 fail, 1 error, 0 skip in 2.0 s\n" in summary
    assert "\x1b" not in summary
    assert (path / "scenarios" / "nesting" / "deep.yaml").read_bytes() == Path(units[0].scenario.path).read_bytes()
    assert os.readlink(state / "latest") == path.name  # noqa: PTH115


def test_copies_of_scenarios_outside_the_library_stay_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    scenario = examples.scenario(tmp_path, examples.NESTED)
    with results_folder.opened(None, NOW) as folder:
        copies = folder.keep([replace(scenario, name=name) for name in ("../example", "/x/example")])
        assert copies == {"../example": "scenarios/_up/example.yaml", "/x/example": "scenarios/_root/x/example.yaml"}
        assert all((folder.path / copy).read_text() == examples.NESTED for copy in copies.values())


def test_a_run_that_ends_before_a_guest_starts_leaves_no_folder(state: Path) -> None:
    with pytest.raises(SetupError), results_folder.opened(None, NOW) as folder:
        folder.record(FACTS)
        raise SetupError("no kernel")
    assert list(state.iterdir()) == []


def test_a_run_that_fails_after_a_guest_started_keeps_its_logs(state: Path) -> None:
    with pytest.raises(LazymmuError), results_folder.opened(None, NOW) as folder:
        folder.record(FACTS)
        (folder.guests / "log").touch()
        raise LazymmuError("a mistake")
    (left,) = state.iterdir()
    assert (left / "guests" / "log").exists()


def test_only_the_last_folders_are_kept_and_those_in_use(units: tuple[Unit, ...], state: Path) -> None:
    (state / "mine").mkdir(parents=True)
    with results_folder.opened(None, NOW - timedelta(days=2)) as in_use:
        made = [run_once(units, started=NOW + timedelta(seconds=number)) for number in range(results_folder.KEPT + 3)]
        left = {path.name for path in state.iterdir()} - {"latest", "mine"}
        assert left == {path.name for path in made[-results_folder.KEPT :]} | {in_use.path.name}
        assert (state / "mine").is_dir()
    assert (state / "latest").resolve() == made[-1].resolve()


def test_runs_at_the_same_time_have_different_folders(units: tuple[Unit, ...], state: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        made = list(pool.map(lambda _: run_once(units), range(8)))
    assert len(set(made)) == 8
    assert all((path / "results.json").exists() for path in made)
    assert (state / "latest").resolve() in {path.resolve() for path in made}


def test_a_named_folder_of_an_earlier_run_is_emptied_of_what_that_run_wrote(
    units: tuple[Unit, ...], tmp_path: Path, state: Path
) -> None:
    out = tmp_path / "a" / "b"
    assert run_once(units, str(out)) == out
    (out / "guests" / "old.log").touch()
    (out / "mine.txt").write_text("mine")
    with results_folder.opened(str(out), NOW) as folder:
        assert not (out / "results.json").exists()
        assert not (out / "guests" / "old.log").exists()
        folder.record(FACTS)
    assert (out / "mine.txt").read_text() == "mine"
    assert run_once(units, str(out)) == out
    assert not state.exists()


@pytest.mark.parametrize("files", [{"run.json": '{"program": "other"}', "results.json": "x"}, {"guests/disk.img": "x"}])
def test_a_folder_with_other_files_is_refused_and_not_changed(tmp_path: Path, files: dict[str, str]) -> None:
    out = tmp_path / "out"
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    for _ in range(2):
        with pytest.raises(UsageError, match="holds files that"), results_folder.opened(str(out), NOW):
            pass
    assert {name: (out / name).read_text() for name in files} == files


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with results_folder.opened(out, NOW):  # noqa: SIM117  (the outer one holds it)
        with pytest.raises(UsageError, match="another run is using"), results_folder.opened(out, NOW):
            pass
    with results_folder.opened(out, NOW):
        pass


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_made_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    examples.scenario(tmp_path, examples.NESTED)
    assert main(["run", "example.yaml", "--out", out]) == 2
    assert f"--out `{out}`" in capsys.readouterr().err


def test_a_state_folder_that_cannot_be_written_is_an_error_that_names_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    examples.scenario(tmp_path, examples.NESTED)
    assert main(["run", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert f"{tmp_path}/file/lazymmu/runs cannot be written" in error
    assert "--out DIR" in error


def test_a_file_system_without_locks_is_an_error(
    units: tuple[Unit, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", missing)
    with (
        pytest.raises(UsageError, match="out` cannot be made or written"),
        results_folder.opened(str(tmp_path / "out"), NOW),
    ):
        pass
    with pytest.raises(OSError, match=os.strerror(errno.ENOSYS)):
        run_once(units)
