# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu reproduce`: which commands it runs for a results folder, and which folders and cases it refuses."""

import json
import shlex
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.integration.test_listed import SELECT, finished, given

__all__ = ["given"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The results folder of a run of four units, of which two failed, of one cause each."""
    finished(tmp_path / "out", SELECT, ["pass", "fail", "error", "skip"], working_folder=str(tmp_path))
    return tmp_path / "out"


def commands(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """Return the cases and machines of the commands that would be run."""
    assert main(["reproduce", *words, "--dry-run"]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    return [[words[3], words[words.index("--arch") + 1]] for words in lines]


def test_one_case_of_each_cause_runs_again_or_the_one_that_is_named(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = ["given/deep[depth=1]", "s390x"], ["given/deep[depth=2]", "arm64"]
    assert commands(capsys, str(out)) == [first, second]
    assert commands(capsys, str(out), "given/deep[depth=2]") == [second]
    assert commands(capsys, str(out), "given/deep") == [first, second]
    assert commands(capsys, str(out), "given/deep[depth=1] merged on s390x") == [first]


def test_what_changed_since_is_said(out: Path, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", str(out), "--dry-run"]) == 0
    assert "note: since that run, model changed\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcomes", "words", "message"),
    [
        (["pass"], (), "nothing failed in this run"),
        (["fail"], ("given/deep[depth=2]",), "given/deep[depth=2] did not fail in this run"),
        (["fail"], ("given/deeb",), "given/deeb is no case in this run"),
    ],
)
def test_what_did_not_fail_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcomes: list[str], words: tuple[str, ...], message: str
) -> None:
    finished(tmp_path / "out", SELECT, outcomes, working_folder=str(tmp_path))
    assert main(["reproduce", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_known_failure_runs_again_only_if_it_is_named(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads((out / "results.json").read_text())
    for result in document["results"]:
        if result["outcome"] in ("fail", "error"):
            result["known"] = "bug 7"
    (out / "results.json").write_text(json.dumps(document))
    assert commands(capsys, str(out), "given/deep[depth=2]") == [["given/deep[depth=2]", "arm64"]]
    assert main(["reproduce", str(out)]) == 2
    assert "only known failures in this run" in capsys.readouterr().err


def test_a_folder_of_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", str(tmp_path)]) == 2
    assert "is not the results folder of a run" in capsys.readouterr().err
