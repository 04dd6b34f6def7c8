# SPDX-License-Identifier: GPL-2.0-only
"""The results folder: whole or recognisably not, never in another run's way, and never more than are kept."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.reports import results_folder
from lazymmu.reports.destination import targets
from lazymmu.results.result import Unit
from lazymmu.support.errors import LazymmuError, SetupError, UsageError
from lazymmu.support.project import ROOT

from tests.unit import examples, runs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FACTS = {"command": ["lazymmu", "run"]}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{ROOT}"}


@pytest.fixture
def units(tmp_path: Path) -> tuple[Unit, ...]:
    return runs.selected(tmp_path / "library")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder of this test; returns where runs stand in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "lazymmu" / "runs"


def run_once(units: tuple[Unit, ...], out: str | None = None, started: datetime = NOW) -> Path:
    """Write a whole folder as the command `run` does; return it."""
    with results_folder.opened(out, started) as kept:
        kept.record(FACTS)
        kept.keep([unit.scenario for unit in units])
        (kept.guests / "arm64-1.console.log").write_text("booted\n")
        kept.finish(runs.finished(units, ["fail", "error"]), FACTS)
        return kept.path


def test_a_folder_holds_every_report_of_the_run(units: tuple[Unit, ...], state: Path) -> None:
    path = run_once(units)
    assert path.parent == state
    assert sorted(entry.name for entry in path.iterdir() if entry.name != results_folder.LOCK) == [
        *("guests", "results.json", "results.ktap", "run.json", "scenarios", "summary.txt")
    ]
    assert json.loads((path / "results.json").read_text()) == runs.document(runs.finished(units, ["fail", "error"]))
    assert json.loads((path / "run.json").read_text()) == {"schema": 1, "program": "lazymmu", **FACTS}
    assert (path / "results.ktap").read_text().startswith("KTAP version 1\n")
    summary = (path / "summary.txt").read_text()
    assert f"results: {path}\n6 pass, 1 fail, 1 error, 0 skip in 2.0 s\n" in summary
    assert (path / "scenarios" / "nesting" / "deep.yaml").read_bytes() == Path(units[0].scenario.path).read_bytes()
    assert os.readlink(state / "latest") == path.name  # noqa: PTH115


def test_the_summary_has_no_colours_whatever_the_environment_says(
    units: tuple[Unit, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in (run_once(units) / "summary.txt").read_text()


def test_a_scenario_outside_the_library_is_kept_inside_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    given = examples.scenario(tmp_path, examples.NESTED)
    outside = type(given)(**{name: getattr(given, name) for name in given.__struct_fields__} | {"name": "../example"})
    absolute = type(given)(**{name: getattr(given, name) for name in given.__struct_fields__} | {"name": "/x/example"})
    with results_folder.opened(None, NOW) as kept:
        copies = kept.keep([outside, absolute])
        assert copies == {"../example": "scenarios/_up/example.yaml", "/x/example": "scenarios/_root/x/example.yaml"}
        assert all((kept.path / copy).read_text() == examples.NESTED for copy in copies.values())


def test_a_run_that_dies_leaves_a_folder_that_says_so_and_latest_alone(units: tuple[Unit, ...], state: Path) -> None:
    whole = run_once(units)
    program = (
        "import os, sys; from datetime import datetime, UTC; from lazymmu.reports import results_folder as folder\n"
        "with folder.opened(None, datetime.now(UTC)) as kept:\n"
        "    kept.record({})\n"
        "    (kept.guests / 'log').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], env=environment(), check=False)
    (died,) = [path for path in state.iterdir() if path.is_dir() and not path.is_symlink() and path != whole]
    assert (died / "run.json").exists()
    assert not (died / "results.json").exists()
    assert (state / "latest").resolve() == whole.resolve()


def test_a_run_that_ends_before_a_guest_starts_leaves_nothing(state: Path) -> None:
    with pytest.raises(SetupError), results_folder.opened(None, NOW) as kept:
        kept.record(FACTS)
        raise SetupError("no kernel")
    assert list(state.iterdir()) == []


def test_a_run_that_ends_by_an_error_behind_its_guests_keeps_their_logs(state: Path) -> None:
    with pytest.raises(LazymmuError), results_folder.opened(None, NOW) as kept:
        kept.record(FACTS)
        (kept.guests / "log").touch()
        raise LazymmuError("a mistake")
    (left,) = state.iterdir()
    assert (left / "guests" / "log").exists()


def test_the_last_are_kept_but_none_that_is_in_use_goes(units: tuple[Unit, ...], state: Path) -> None:
    (state / "mine").mkdir(parents=True)
    with results_folder.opened(None, NOW - timedelta(days=2)) as under_way:
        made = [run_once(units, started=NOW + timedelta(seconds=number)) for number in range(results_folder.KEPT + 3)]
        left = {path.name for path in state.iterdir()} - {"latest", "mine"}
        assert left == {path.name for path in made[-results_folder.KEPT :]} | {under_way.path.name}
        assert (state / "mine").is_dir()
    assert (state / "latest").resolve() == made[-1].resolve()


def test_runs_at_the_same_time_have_folders_of_their_own(units: tuple[Unit, ...], state: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        made = list(pool.map(lambda _: run_once(units), range(8)))
    assert len(set(made)) == 8
    assert all((path / "results.json").exists() for path in made)
    assert (state / "latest").resolve() in {path.resolve() for path in made}


def test_a_named_folder_is_made_and_written_anew_but_only_if_it_is_a_runs(
    units: tuple[Unit, ...], tmp_path: Path, state: Path
) -> None:
    out = tmp_path / "a" / "b"
    assert run_once(units, str(out)) == out
    (out / "guests" / "old.log").touch()
    (out / "mine.txt").write_text("mine")
    with results_folder.opened(str(out), NOW) as kept:
        assert not (out / "results.json").exists()
        assert not (out / "guests" / "old.log").exists()
        kept.record(FACTS)
    assert (out / "mine.txt").read_text() == "mine"
    assert run_once(units, str(out)) == out
    assert not state.exists()


def test_a_folder_of_somebody_elses_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text('{"program": "other"}')
    (out / "results.json").write_text("precious")
    with (
        pytest.raises(UsageError, match="holds files that are not of an earlier run"),
        results_folder.opened(str(out), NOW),
    ):
        pass
    assert sorted(path.name for path in out.iterdir()) == ["results.json", "run.json"]
    assert (out / "results.json").read_text() == "precious"


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with results_folder.opened(out, NOW):  # noqa: SIM117  (the outer one holds it)
        with pytest.raises(UsageError, match="is in use by another run"), results_folder.opened(out, NOW):
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


def test_a_full_disk_is_an_error_that_names_the_folder_and_out(units: tuple[Unit, ...], tmp_path: Path) -> None:
    with results_folder.opened(str(tmp_path / "out"), NOW) as kept:
        # Every write to this device ends as on a full disk.
        (kept.path / f".results.ktap.{os.getpid()}.partial").symlink_to("/dev/full")
        with pytest.raises(SetupError) as caught:
            kept.finish(runs.finished(units, []), FACTS)
    assert f"no space left in {tmp_path}/out" in str(caught.value)
    assert "--out DIR" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert not (tmp_path / "out" / "results.json").exists()


KILLED = """
import os, sys
from pathlib import Path
from lazymmu.reports.destination import write_whole
Path.rename = lambda *_: os.kill(os.getpid(), 9)
write_whole(Path(sys.argv[1]), "text")
"""


def killed_while_it_writes(path: Path) -> Path:
    """Let a process die by SIGKILL before a file of its is whole; return what it leaves."""
    subprocess.run(
        [sys.executable, "-c", KILLED, path],
        env=environment(),
        check=False,
    )
    (left,) = path.parent.glob(f".{path.name}.*")
    return left


def test_what_a_killed_run_left_of_a_report_goes_with_the_next_to_the_same_place(tmp_path: Path) -> None:
    left = killed_while_it_writes(tmp_path / "report.json")
    others = [tmp_path / f".other.json.{left.name.split('.')[-2]}.partial", tmp_path / ".report.json.2024"]
    live = tmp_path / f".report.json.{os.getppid()}.partial"
    for path in (*others, live):
        path.touch()
    targets({"--json": str(tmp_path / "report.json")})
    assert sorted(tmp_path.iterdir()) == sorted([*others, live])


@pytest.mark.parametrize("name", ["run.json", "results.ktap", "results.json"])
def test_what_a_killed_run_left_in_a_named_folder_goes_with_the_next(
    units: tuple[Unit, ...], tmp_path: Path, name: str
) -> None:
    run_once(units, str(tmp_path / "out"))
    left = killed_while_it_writes(tmp_path / "out" / name)
    run_once(units, str(tmp_path / "out"))
    assert not left.exists()


def test_a_folder_of_a_run_that_was_killed_at_its_first_file_is_taken_for_one(
    units: tuple[Unit, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with results_folder.opened(str(out), NOW):
        pass
    left = killed_while_it_writes(out / "run.json")
    run_once(units, str(out))
    assert not left.exists()


def test_a_lock_is_never_the_existence_of_its_file(
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


def test_a_users_own_folder_called_guests_is_not_touched(tmp_path: Path) -> None:
    image = tmp_path / "machines" / "guests" / "disk.img"
    image.parent.mkdir(parents=True)
    image.write_text("x")
    out = str(tmp_path / "machines")
    for _ in range(2):
        with pytest.raises(UsageError, match="not of an earlier run"), results_folder.opened(out, NOW):
            pass
    assert image.read_text() == "x"
