# SPDX-License-Identifier: GPL-2.0-only
"""`run --failed-from`, `--failed`, `--plan` and `--save-plan`: which cases they list, and which lists they refuse."""

import json
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.commands import run as command
from lazymmu.parser import command_parser
from lazymmu.session.plan import Plan
from lazymmu.support.errors import UsageError

from tests.unit import runs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEEP = "description: x\nvary: {depth: [1, 2]}\nsteps: [{repeat: {times: $depth, steps: [enable]}}]\n"
SELECT = ("given", "--api", "merged", "--arch", "arm64,s390x")


def arguments(*words: str) -> Namespace:
    return command_parser(command).read(words, command="run", command_line=["run", *words])


def planned(*words: str) -> list[str]:
    """Return the labels of what a command line would run."""
    return [unit.label() for unit in Plan.of(arguments(*words), NOW).units]


@pytest.fixture(autouse=True)
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario of two cases in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "deep.yaml").write_text(DEEP)
    return tmp_path / "given" / "deep.yaml"


def finished(out: Path, words: Sequence[str], outcomes: Sequence[str], **facts: Any) -> None:
    """Write the results folder of a run with these outcomes."""
    plan = Plan.of(arguments(*words), NOW)
    out.mkdir(parents=True)
    document = json.loads(runs.written("json", runs.summary(plan.units, outcomes)))
    (out / "results.json").write_text(json.dumps(document))
    recorded = {key: value for key, value in vars(arguments(*words)).items() if key not in ("command_line", "words")}
    facts = {"schema": 1, "program": "lazymmu", "status": 1, "arguments": recorded, **plan.facts, **facts}
    (out / "run.json").write_text(json.dumps(facts))


def test_what_failed_in_a_run_runs_again_with_what_selected_it(tmp_path: Path) -> None:
    finished(tmp_path / "out", SELECT, ["pass", "fail", "error", "skip"])
    failed = ["given/deep[depth=1] merged on s390x", "given/deep[depth=2] merged on arm64"]
    assert planned("--failed-from", "out") == failed
    assert planned("--failed-from", "out", "--shard", "2/2") == failed[1:]
    assert planned("--failed-from", "out", "--repeat", "2") == [
        f"{one}, repetition {n}" for one in failed for n in (1, 2)
    ]
    # What failed of what failed.
    finished(tmp_path / "again", ["--failed-from", "out"], ["pass", "fail"])
    assert planned("--failed-from", "again") == failed[1:]


def test_the_last_run_is_the_one_of_the_state_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--failed"]) == 2
    assert "there is no last run" in capsys.readouterr().err
    finished(tmp_path / "state" / "lazymmu" / "runs" / "one", SELECT, ["fail"])
    (tmp_path / "state" / "lazymmu" / "runs" / "latest").symlink_to("one")
    assert main(["run", "--failed", "--save-plan", "plan"]) == 0
    assert planned("--plan", "plan") == ["given/deep[depth=1] merged on arm64"]
    assert main(["run", "--failed", "--failed-from", "x"]) == 2


def test_a_plan_runs_what_it_lists_if_its_scenarios_have_not_changed(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *SELECT, "--save-plan", "plan"]) == 0
    assert capsys.readouterr().out == "plan: 4 cases; --plan runs them\n"
    assert planned("--plan", "plan") == planned(*SELECT)
    document = json.loads(Path("plan").read_text())
    Path("plan").write_text(json.dumps({**document, "units": document["units"][1:3]}))
    assert planned("--plan", "plan") == planned(*SELECT)[1:3]
    Path("given/more.yaml").write_text(DEEP)
    assert len(planned("--plan", "plan")) == 2
    given.write_text(f"{DEEP}# edited\n")
    with pytest.raises(UsageError, match=r"these scenarios changed:\n    given/deep$"):
        planned("--plan", "plan")
    given.unlink()
    with pytest.raises(UsageError, match=r"given/deep \(no longer selected\)"):
        planned("--plan", "plan")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--failed-from", "out", "given"], "`given` cannot be given with it"),
        (["--failed-from", "out", "--arch", "arm64"], "`--arch` cannot be given with it"),
        (["--failed-from", "out", "--plan", "plan"], "cannot be given together"),
        (["--failed-from", "none"], "is not the results folder of a run"),
        (["--failed-from", "green"], "nothing failed there"),
        (["--failed-from", "newer"], "schema 2, but this lazymmu reads schema 1"),
        (["--failed-from", "running"], "this run has not ended"),
        (["--plan", "none"], "cannot be read"),
        (["--plan", "out/run.json"], "is not a plan"),
        (["--plan", "given/deep.yaml"], "is not a plan"),
        (["--timings", "out"], "it needs --shard"),
        (["given", "--shard", "1/2", "--timings", "given"], "is not the results folder of a run"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    finished(tmp_path / "out", SELECT, ["fail"])
    finished(tmp_path / "green", SELECT, [])
    finished(tmp_path / "newer", SELECT, ["fail"], schema=2)
    finished(tmp_path / "running", SELECT, ["fail"], status=None)
    with pytest.raises(UsageError, match=message):
        planned(*words)


def test_what_failed_and_no_longer_exists_is_named(tmp_path: Path, given: Path) -> None:
    finished(tmp_path / "out", SELECT, ["fail"] * 4)
    given.write_text(DEEP.replace("[1, 2]", "[1, 3]"))
    with pytest.raises(UsageError, match=r"no longer exist: given/deep\[depth=2\] merged on arm64, .*s390x\n"):
        planned("--failed-from", "out")
