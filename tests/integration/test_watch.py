# SPDX-License-Identifier: GPL-2.0-only
"""`run --watch`: which changes start another run. The scenarios have mistakes, so no guest is needed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.guest.checkouts import checkout_with
from tests.headers import MERGED
from tests.watching import Watch, watching

READY = "--- watching"


def wrong(path: Path, word: str) -> None:
    """Write a scenario that is refused with this word."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"description: x\nsteps: [{word}]\n")


def ran_again(watch: Watch, word: str, changed: Path | str) -> None:
    """Wait until the watch runs once more, because of this file, and refuses this word."""
    lines = watch.until(f"`{word}`")
    assert [line for line in lines if line.startswith("---")] == [f"--- changed: {changed}"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkout_with({}, tmp_path / "checkout")


@pytest.fixture
def watched(tmp_path: Path, checkout: Path) -> Callable[..., AbstractContextManager[Watch]]:
    """Return a function that watches with these arguments, from the first run to an interrupt."""

    @contextmanager
    def watched(*arguments: str | Path) -> Iterator[Watch]:
        with watching(checkout, tmp_path / "state", *map(str, arguments)) as watch:
            watch.until(READY)
            yield watch
            assert watch.interrupt(signal.SIGTERM) == 130

    return watched


def test_a_change_of_a_scenario_starts_a_run_and_a_change_of_another_file_does_not(
    tmp_path: Path, checkout: Path, watched: Callable[..., AbstractContextManager[Watch]]
) -> None:
    scenario = tmp_path / "mine" / "one.yaml"
    wrong(scenario, "first_mistake")
    with watched(scenario) as watch:
        wrong(scenario, "second_mistake")
        ran_again(watch, "second_mistake", scenario)
        wrong(tmp_path / "mine" / "other.yaml", "other")
        (tmp_path / "mine" / ".one.yaml.swp").write_text("x")
        (checkout / "guest/module/notes.txt").write_text("x")
        # Editors replace a file.
        wrong(tmp_path / "mine" / "one.yaml~", "third_mistake")
        (tmp_path / "mine" / "one.yaml~").rename(scenario)
        ran_again(watch, "third_mistake", scenario)
        scenario.unlink()
        watch.until("no scenario, file or directory")
        wrong(scenario, "fourth_mistake")
        ran_again(watch, "fourth_mistake", scenario)


def test_new_scenarios_in_a_folder_start_a_run_and_results_in_it_do_not(
    tmp_path: Path, watched: Callable[..., AbstractContextManager[Watch]]
) -> None:
    mine = tmp_path / "mine"
    wrong(mine / "one.yaml", "mistake")
    with watched(mine, "--out", mine / "results") as watch:
        wrong(mine / "results" / "scenarios" / "copy.yaml", "copied")
        wrong(mine / "two.yaml", "new_mistake")
        ran_again(watch, "new_mistake", mine / "two.yaml")
        (mine / "below").mkdir()
        watch.until(f"--- changed: {mine / 'below'}")
        watch.until("new_mistake")
        wrong(mine / "below" / "three.yaml", "deep_mistake")
        watch.until("deep_mistake")


def test_a_header_is_watched_and_a_wrong_one_does_not_end_the_watch(
    tmp_path: Path, watched: Callable[..., AbstractContextManager[Watch]]
) -> None:
    scenario, header = tmp_path / "mine" / "one.yaml", tmp_path / "headers" / "my.h"
    wrong(scenario, "mistake")
    header.parent.mkdir()
    header.write_text("int first;\n")
    with watched(scenario, "--header", header) as watch:
        (header.parent / "other.h").write_text("int other;\n")
        header.write_text("/* open\n")
        assert f"--- changed: {header}" in watch.until("my.h:1: a comment that begins here has no end")
        header.write_text(MERGED)
        ran_again(watch, "mistake", header)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["no/such/scenario"], "no scenario, file or directory"),
        (["--arch", "arm46"], "unknown architecture"),
        (["--resume", "x"], "--watch and --resume"),
    ],
)
def test_a_command_line_that_no_edit_can_correct_ends_at_once(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--watch", *flags]) == 2
    assert message in capsys.readouterr().err
