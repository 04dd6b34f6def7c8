# SPDX-License-Identifier: GPL-2.0-only
"""`run --watch`: what makes it run again, and what does not. Its scenarios are wrong, so no guest is needed."""

from __future__ import annotations

import signal
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
    """Wait until the watch ran once more, because of this file, and refused this word."""
    lines = watch.until(f"`{word}`")
    assert [line for line in lines if line.startswith("---")] == [f"--- changed: {changed}"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkout_with({}, tmp_path / "checkout")


def test_a_change_of_a_scenario_runs_again_and_an_interrupt_ends_it_with_130(tmp_path: Path, checkout: Path) -> None:
    scenario = tmp_path / "mine" / "one.yaml"
    wrong(scenario, "first_mistake")
    with watching(checkout, tmp_path / "state", str(scenario)) as watch:
        assert any("first_mistake" in line for line in watch.until(READY))
        wrong(scenario, "second_mistake")
        ran_again(watch, "second_mistake", scenario)
        # Nothing of these is read by the run: the next line is of the change behind them.
        wrong(tmp_path / "mine" / "other.yaml", "other")
        (tmp_path / "mine" / ".one.yaml.swp").write_text("x")
        (checkout / "guest/module/notes.txt").write_text("x")
        # As an editor does it.
        wrong(tmp_path / "mine" / "one.yaml~", "third_mistake")
        (tmp_path / "mine" / "one.yaml~").rename(scenario)
        ran_again(watch, "third_mistake", scenario)
        assert watch.interrupt() == 130


def test_a_change_of_the_module_runs_again(tmp_path: Path, checkout: Path) -> None:
    scenario = tmp_path / "one.yaml"
    wrong(scenario, "mistake")
    with watching(checkout, tmp_path / "state", str(scenario)) as watch:
        watch.until(READY)
        for name in ("main.c", "lazymmu.h", "Kbuild"):
            path = checkout / "guest" / "module" / name
            path.write_text(path.read_text() + "\n")
            ran_again(watch, "mistake", f"guest/module/{name}")
        assert watch.interrupt(signal.SIGTERM) == 130


def test_new_scenarios_of_a_folder_count_and_results_in_it_do_not(tmp_path: Path, checkout: Path) -> None:
    mine = tmp_path / "mine"
    wrong(mine / "one.yaml", "mistake")
    with watching(checkout, tmp_path / "state", str(mine), "--out", str(mine / "results")) as watch:
        watch.until(READY)
        wrong(mine / "results" / "scenarios" / "copy.yaml", "copied")
        wrong(mine / "two.yaml", "new_mistake")
        ran_again(watch, "new_mistake", mine / "two.yaml")
        (mine / "below").mkdir()
        watch.until(f"--- changed: {mine / 'below'}")
        watch.until("new_mistake")
        wrong(mine / "below" / "three.yaml", "deep_mistake")
        watch.until("deep_mistake")
        assert watch.interrupt() == 130


def test_a_scenario_that_goes_and_comes_back_is_told_and_the_watch_goes_on(tmp_path: Path, checkout: Path) -> None:
    scenario = tmp_path / "mine" / "one.yaml"
    wrong(scenario, "mistake")
    with watching(checkout, tmp_path / "state", str(scenario)) as watch:
        watch.until(READY)
        scenario.unlink()
        watch.until("no scenario, file or directory")
        wrong(scenario, "new_mistake")
        ran_again(watch, "new_mistake", scenario)
        assert watch.interrupt() == 130


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["no/such/scenario"], "no scenario, file or directory"),
        (["--arch", "arm46"], "unknown architecture"),
        (["--resume", "x"], "--watch and --resume"),
    ],
)
def test_a_command_line_that_no_edit_mends_ends_at_once(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--watch", *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_header_is_watched_and_one_that_an_edit_may_mend_ends_nothing(tmp_path: Path, checkout: Path) -> None:
    scenario, header = tmp_path / "mine" / "one.yaml", tmp_path / "headers" / "my.h"
    wrong(scenario, "mistake")
    header.parent.mkdir()
    header.write_text("int first;\n")
    with watching(checkout, tmp_path / "state", str(scenario), "--header", str(header)) as watch:
        assert any("has none of the lazy-MMU functions" in text for text in watch.until(READY))
        (header.parent / "other.h").write_text("int other;\n")
        header.write_text("/* open\n")
        assert f"--- changed: {header}" in watch.until("my.h:1: a comment that begins here has no end")
        header.write_text(MERGED)
        ran_again(watch, "mistake", header)
        assert watch.interrupt() == 130
