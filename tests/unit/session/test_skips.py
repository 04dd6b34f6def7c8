# SPDX-License-Identifier: GPL-2.0-only
"""What the commands without a guest say of a case that cannot run, and of a personality."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Outcome
from lazymmu.session.unit_results import without_report
from lazymmu.support.errors import GuestError

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


def test_predict_tells_of_a_skip_in_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "v3", "--arch", "x86_64", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["case"], one["predicted"], one["skip"]) for one in found] == [
        ({"n": number}, None, REASON) for number in (1, 2)
    ]
    assert {(one["arch"], one["personality"]) for one in found} == {("x86_64", "s390x")}


def test_predict_tells_of_a_skip_with_its_place(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "merged", "--arch", "arm64"]) == 0
    assert f"merged on arm64: skip: {REASON} ({path}:4:52)" in capsys.readouterr().out.replace("\n", "")


def test_without_a_personality_of_its_own_a_scenario_has_no_such_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.yaml").write_text("description: x\nsteps: [enable]\n")
    assert main(["predict", str(tmp_path / "b.yaml"), "--json", "-"]) == 0
    predictions = json.loads(capsys.readouterr().out)["predictions"]
    assert all("personality" not in one and one["skip"] is None for one in predictions)


def test_list_names_the_personality(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", path]) == 0
    assert f"on {','.join(examples.EVERYWHERE)} as s390x" in capsys.readouterr().out


def test_a_machine_that_cannot_be_had_is_no_reason_for_a_skip_to_be_an_error(tmp_path: Path) -> None:
    skipped = examples.unit(tmp_path, SKIPPED, api="merged", arch="arm64")
    result = without_report(skipped, GuestError("the guest died"))
    assert (result.outcome, result.reason, result.predicted) == (Outcome.SKIP, REASON, None)
    assert result.personality == "s390x"
    right = without_report(examples.unit(tmp_path), GuestError("the guest died"))
    assert (right.outcome, right.reason) == (Outcome.ERROR, "the guest died")
