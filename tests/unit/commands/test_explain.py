# SPDX-License-Identifier: GPL-2.0-only
"""`explain` and `predict --trace` say what each step does, and `explain` by which rule."""

from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.unit import examples

TEXT = """\
description: x
steps:
  - enable
  - set_pte: {index: 0, value: 1}
  - enable: {before_hook: [flush]}
  - interrupt: [enable]
  - touch: 0
  - disable
  - disable
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    examples.scenario(tmp_path, TEXT)
    return str(tmp_path / "example.yaml")


def test_explain_says_what_each_step_does_and_why(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", path, "--api", "merged", "--arch", "arm64"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].endswith("example, merged on arm64")
    steps = {line.split()[0]: at for at, line in enumerate(lines) if f"({path}:" in line}

    def of(step: int) -> list[str]:
        return lines[steps[str(step)] + 1 : steps.get(str(step + 1), len(lines))]

    assert of(0) == [
        "Rule: merged: Do nothing in a pause; else enter at enable_count 0.",
        "It calls arch_enter while the task is active. arm64: Do nothing: a hook that the architecture does not use.",
        "Of task main, enable_count becomes 1.",
        "After it, task main is active.",
    ]
    assert of(1)[0].startswith("Rule: Store a value. arm64: Store the value; issue or defer the barrier")
    assert "It counts 1 deferred." in of(1)
    assert "Owed: the last write to 1 entry." in of(1)
    assert "It calls no hook." in of(2)
    assert of(3)[1:] == ["It does not run: the hook of the call around it is not called."]
    assert (
        of(5)[0] == 'Rule: Count a call of the API, and make it unless in interrupt (docs/semantics.md, "Revisions").'
    )
    assert "It answers 0x0." in of(6)
    assert of(8)[1] == (
        "It calls arch_leave while the task is not active. arm64: "
        "Issue a barrier if the task's flag is set: what flush and leave do."
    )


def test_explain_joins_those_that_do_the_same(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", path, "--api", "v4,merged", "--arch", "arm64"]) == 0
    headings = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert len(headings) == 1
    assert headings[0].endswith("example, v4 on arm64 (the same steps: merged on arm64)")


def test_predict_with_trace_shows_steps_in_columns(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "merged", "--arch", "arm64", "--trace"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [line.split() for line in lines[1:11]]
    assert table == [
        ["step", "task", "hooks", "inside", "active", "enable_count", "pause_count", "counted", "answer", "owed"],
        ["0", "enable", "main", "e", "1", "1", "1", "0"],
        ["1", "set_pte", "0", "1", "main", "1", "1", "0", "deferred", "1"],
        ["2", "enable", "main", "1", "2", "0", "1"],
        ["3", "flush", *"--------", "-"],
        ["4", "interrupt", "main", "1", "2", "0", "1"],
        ["5", "enable", "main", "0", "2", "0", "1"],
        ["6", "touch", "0", "main", "1", "2", "0", "0", "1"],
        ["7", "disable", "main", "f", "1", "1", "1", "0", "barriers"],
        ["8", "disable", "main", "l", "0", "0", "0", "0"],
    ]
    assert lines[11].startswith("hooks: e arch_enter, ")
    assert "owed: entries whose last write" in lines[-1]
