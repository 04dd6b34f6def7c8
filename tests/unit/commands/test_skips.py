# SPDX-License-Identifier: GPL-2.0-only
"""What `predict`, `list` and `shell` say of a case that no guest can run, of a personality, and of several kernels."""

import json
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.unit import examples

SKIPPED = """\
description: x
personality: s390x
vary: {n: [1, 2]}
steps: [flush, enable, repeat: {times: $n, steps: [sleep: 0]}]
"""
REASON = "comes to sleep (step 2) with preemption off"


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "a.yaml").write_text(SKIPPED)
    return str(tmp_path / "a.yaml")


def test_predict_has_the_skip_and_the_personality_in_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "v3", "--arch", "x86_64", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["case"], one["predicted"], one["skip"]) for one in found] == [
        ({"n": number}, None, REASON) for number in (1, 2)
    ]
    assert {(one["arch"], one["personality"]) for one in found} == {("x86_64", "s390x")}


def test_predict_shows_the_place_of_a_skip(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "merged", "--arch", "arm64"]) == 0
    assert f"merged on arm64: skip: {REASON} ({path}:4:52)" in capsys.readouterr().out.replace("\n", "")


def test_list_shows_the_number_of_cases_and_the_personality(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", path, "nesting/single"]) == 0
    written = capsys.readouterr().out
    assert "  1 case, " in written
    assert "  2 cases, " in written
    assert " as s390x\n" in written


def test_predict_takes_several_kernels_and_shell_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [enable]\n")
    flags = ("--kernel", "current", "--kernel", "lts", "--arch", "arm64", "--api", "merged", "--json", "-")
    assert main(["predict", str(tmp_path), *flags]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["kernel"], one["impl"]) for one in found] == [
        ("lts", "module"),
        ("current", "module"),
        ("current", "native"),
    ]
    assert main(["shell", "arm64", "--kernel", "lts", "--kernel", "current"]) == 2
    assert "one --kernel is possible here, not lts, current" in capsys.readouterr().err
