# SPDX-License-Identifier: GPL-2.0-only
"""`run --resume`: what cannot be resumed is refused and left as it is; what is whole already is reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.reports import results_folder
from lazymmu.results import store
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.support.project import LIBRARY
from msgspec import Struct

from tests.unit import runs

DEEP = "description: x\nvary: {depth: [1, 2]}\nsteps: [{repeat: {times: $depth, steps: [enable]}}]\n"


class Unfinished(Struct, frozen=True):
    """A run of the scenarios in a folder that ended before it had all results."""

    given: Path
    out: Path
    capsys: pytest.CaptureFixture[str]

    def units(self) -> tuple[Unit, ...]:
        return tuple(units(load(["given"], LIBRARY), Selection(apis=("merged",))))

    def done(self, outcomes: Sequence[str]) -> None:
        """Add the results of the first units, as a run does."""
        with store.opened(self.out / store.FILE, self.units(), trace=False) as results:
            for unit, outcome in zip(results.units, outcomes, strict=False):
                results.add(runs.result(unit, outcome, "why"))

    def resume(self, *flags: str) -> tuple[int, str]:
        """Return the exit status and what is told."""
        self.capsys.readouterr()
        status = main(["run", "--resume", str(self.out), *flags])
        said = self.capsys.readouterr()
        return status, said.out + said.err

    def state(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.out.rglob("*") if path.is_file()}


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Unfinished:
    """A run that had everything but a kernel."""
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


def test_a_run_that_had_every_result_is_reported_without_a_guest(unfinished: Unfinished, tmp_path: Path) -> None:
    unfinished.done(["pass", "fail", *ALL[2:]])
    status, said = unfinished.resume("--json", str(tmp_path / "run.json"))
    assert status == 1, said
    assert "5 pass, 1 fail, 0 error, 0 skip in " in said
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["summary"] == {"pass": 5, "fail": 1, "error": 0, "skip": 0}
    assert document["interrupted"] is False
    facts = json.loads((unfinished.out / "run.json").read_text())
    assert (facts["status"], len(facts["resumed"])) == (1, 1)
    assert facts["command"][:3] == ["lazymmu", "run", "given"]
    assert facts["resumed"][0]["command"][:3] == ["lazymmu", "run", "--resume"]
    assert (unfinished.out / "results.json").read_text() == (tmp_path / "run.json").read_text()
    status, said = unfinished.resume()
    assert (status, "this run has ended, with status 1" in said) == (2, True)


def test_flags_of_the_first_run_hold(unfinished: Unfinished) -> None:
    # It was begun with --no-skip.
    unfinished.done(["skip", *ALL[1:]])
    assert unfinished.resume()[0] == 3


def test_it_works_from_any_folder_and_reports_go_where_they_are_named(
    unfinished: Unfinished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished.done(ALL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    status, said = unfinished.resume("--ktap", "here.ktap", "--json", "-", "--quiet")
    assert status == 0, said
    assert (tmp_path / "elsewhere" / "here.ktap").exists()
    assert Path.cwd() == tmp_path / "elsewhere"


def test_what_is_left_is_run_and_not_what_has_a_result(unfinished: Unfinished) -> None:
    # There is no kernel here: a run that needs one says so, and leaves all as it was for the next try.
    unfinished.done(ALL[:5])
    before = unfinished.state()
    for _ in range(2):
        status, said = unfinished.resume("--offline")
        assert (status, "--offline" in said) == (3, True)
        assert unfinished.state() == before
    # Of the last unit's architecture only.
    assert f"for {unfinished.units()[5].arch} is not in the cache" in said


@pytest.mark.parametrize(
    "flags",
    [
        *(["given"], ["--arch", "arm64"], ["--api=all"], ["--tag", "x"], ["--repeat", "1"], ["--shuffle", "1"]),
        *(["--kernel", "lts"], ["--known", "known.yaml"], ["--out", "x"], ["--trace"], ["--no-skip"], ["--watch"]),
        *(["--isolation", "shared"], ["--fresh-boot"], ["--timeout-scale", "1"], ["--impl", "module"]),
        ["--transport", "serial"],
    ],
)
def test_what_selects_cannot_be_given_with_it(unfinished: Unfinished, flags: list[str]) -> None:
    unfinished.done(ALL)
    before = unfinished.state()
    status, said = unfinished.resume(*flags)
    assert status == 2, said
    assert flags[0].partition("=")[0] in said
    assert " cannot be given " in said
    assert unfinished.state() == before


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "# edited\n")


def forged(unfinished: Unfinished) -> None:
    """Let the module's source have been another one."""
    facts = json.loads((unfinished.out / "run.json").read_text())
    facts["sources"]["guest/module"] = "0"
    (unfinished.out / "run.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda run: edit(run.given / "deep.yaml"), "scenario given/deep.yaml"),
        (lambda run: (run.given / "more.yaml").write_text(DEEP), "scenario given/more (not selected at first)"),
        (lambda run: edit(run.given.parent / "known.yaml"), "the source known.yaml"),
        (forged, "the source guest/module"),
    ],
)
def test_what_changed_since_is_named_and_nothing_is_mixed(
    unfinished: Unfinished, change: Callable[[Unfinished], object], told: str
) -> None:
    unfinished.done(ALL[:5])
    change(unfinished)
    before = unfinished.state()
    status, said = unfinished.resume()
    assert (status, told in said) == (2, True), said
    assert unfinished.state() == before


def test_a_scenario_that_is_not_selected_any_more_is_named(unfinished: Unfinished) -> None:
    unfinished.done(ALL[:5])
    (unfinished.given / "deep.yaml").rename(unfinished.given / "other.yaml")
    status, said = unfinished.resume()
    assert (status, "scenario given/deep (not selected any more)" in said) == (2, True), said


def test_results_of_something_else_are_refused(unfinished: Unfinished) -> None:
    unfinished.done(ALL[:5])
    path = unfinished.out / store.FILE
    path.write_text(path.read_text().replace('"arch":"arm64"', '"arch":"s390x"'))
    status, said = unfinished.resume()
    assert (status, f"{path}:1: not a result of what is selected" in said) == (2, True), said


def test_a_last_line_that_is_torn_is_run_again(unfinished: Unfinished) -> None:
    unfinished.done(ALL)
    path = unfinished.out / store.FILE
    path.write_bytes(path.read_bytes()[:-20])
    status, said = unfinished.resume("--offline")
    assert (status, f"for {unfinished.units()[5].arch} is not in the cache" in said) == (3, True), said


def test_a_folder_in_use_is_refused(unfinished: Unfinished) -> None:
    with results_folder.unfinished(str(unfinished.out)):
        status, said = unfinished.resume()
    assert (status, "another run is using this folder" in said) == (2, True)


@pytest.mark.parametrize("name", ["none", "empty", "file", "foreign"])
def test_what_is_no_results_folder_is_refused(unfinished: Unfinished, name: str) -> None:
    (unfinished.given.parent / "empty").mkdir()
    (unfinished.given.parent / "file").touch()
    (unfinished.given.parent / "foreign").mkdir()
    (unfinished.given.parent / "foreign" / "run.json").write_text("{}")
    assert main(["run", "--resume", name]) == 2
    assert f"--resume `{name}`" in unfinished.capsys.readouterr().err


def test_an_interrupted_run_can_be_resumed_and_a_whole_one_cannot(unfinished: Unfinished) -> None:
    unfinished.done(ALL)
    for status, resumed in ((130, 0), (0, 2)):
        facts = json.loads((unfinished.out / "run.json").read_text())
        facts |= {"status": status, "finished": datetime.now(UTC).isoformat()}
        (unfinished.out / "run.json").write_text(json.dumps(facts))
        (unfinished.out / "results.json").touch()
        assert unfinished.resume()[0] == resumed


def test_quiet_and_verbose_exclude_each_other(unfinished: Unfinished) -> None:
    status, said = unfinished.resume("--quiet", "--verbose")
    assert (status, "--quiet and --verbose cannot be given together" in said) == (2, True)
