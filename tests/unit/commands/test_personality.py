# SPDX-License-Identifier: GPL-2.0-only
"""What commands say of a personality that is not the guest's own, and of several kernels."""

import json
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.unit import examples

OF_S390X = """\
description: x
personality: s390x
vary: {n: [1, 2]}
steps: [flush, enable, repeat: {times: $n, steps: [might_sleep]}]
expect: {counters: {atomic_sleeps: $n}}
"""
QUEUED = """\
description: x
steps: [lazy: [set_pte: {index: 0, value: 1}, touch: 0]]
expect: {arm64: {counters: {barriers: 1}}, xen: {counters: {multicalls: 1}, values: [0]}}
"""
#: Counters that some personalities lack.
NARROW = "description: x\nsteps: [enable, check: {%s: 0}]\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "a.yaml").write_text(OF_S390X)
    return str(tmp_path / "a.yaml")


def test_predict_has_the_scenario_s_personality_in_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--api", "v3", "--arch", "x86_64", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["case"], one["predicted"]["counters"]["atomic_sleeps"]) for one in found] == [
        ({"n": number}, number) for number in (1, 2)
    ]
    assert {(one["arch"], one["personality"], one["skip"]) for one in found} == {("x86_64", "s390x", None)}


def test_a_personality_takes_the_place_of_every_guest_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, QUEUED)
    assert main(["predict", str(tmp_path), "--api", "merged", "--personality", "xen", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["arch"], one["personality"]) for one in found] == [
        (arch, "xen") for arch in ("arm64", "s390x", "x86_64")
    ]
    assert {one["predicted"]["counters"].get("multicalls") for one in found} == {1}
    assert main(["predict", str(tmp_path), "--api", "merged", "--arch", "arm64", "--json", "-"]) == 0
    (own,) = json.loads(capsys.readouterr().out)["predictions"]
    assert "personality" not in own
    assert own["predicted"]["counters"]["barriers"] == 1


def test_labels_name_a_personality_that_is_not_the_guest_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples.scenario(tmp_path, QUEUED)
    for personality, label in (("xen", "merged on arm64 as xen: hooks"), ("arm64", "merged on arm64: hooks")):
        flags = ["--api", "merged", "--arch", "arm64", "--personality", personality]
        assert main(["predict", str(tmp_path), *flags]) == 0
        assert label in capsys.readouterr().out
    assert main(["diff", str(tmp_path / "example.yaml"), "--api", "merged", "--personality", "ppc64"]) == 0
    assert "merged on ppc64" in capsys.readouterr().out


def test_a_scenario_of_another_personality_is_not_selected(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--personality", "xen"]) == 2
    assert "nothing is selected: no case of 1 scenario" in capsys.readouterr().err
    assert main(["predict", path, "--personality", "s390x", "--arch", "arm64"]) == 0
    assert "merged on arm64 as s390x" in capsys.readouterr().out


def test_a_scenario_that_only_other_personalities_can_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(NARROW % "flushes")
    assert main(["predict", str(path), "--api", "all"]) == 2
    said = capsys.readouterr().err
    assert f"{path}:2:25: `flushes` limits the scenario to ppc64; only ppc64 has that by itself" in said
    assert "`--api all` takes" not in said
    assert main(["list", str(path)]) == 0
    assert "with-ptes on ppc64\n" in capsys.readouterr().out
    assert main(["predict", str(path), "--api", "merged", "--arch", "ppc64"]) == 0
    assert "merged on ppc64:" in capsys.readouterr().out
    assert main(["predict", str(path), "--personality", "ppc64", "--api", "merged", "--arch", "arm64"]) == 0
    assert "merged on arm64 as ppc64" in capsys.readouterr().out


def test_an_unknown_personality_is_refused(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "predict", "list", "diff"):
        assert main([command, path, "--personality", "xenn"]) == 2
        assert "unknown personality `xenn` (did you mean `xen`?)" in capsys.readouterr().err


def test_list_shows_the_number_of_cases_and_the_personality(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", path, "nesting/single"]) == 0
    written = capsys.readouterr().out
    assert "  1 case, " in written
    assert "  2 cases, " in written
    assert " as s390x\n" in written
    assert main(["list", path, "nesting/single", "--personality", "xen"]) == 0
    written = capsys.readouterr().out
    assert "2 cases" not in written
    assert " as xen [nesting]\n" in written
    assert main(["list", path, "--personality", "xen"]) == 2
    assert "none of the scenarios can run under the personality xen" in capsys.readouterr().err


def test_predict_takes_several_kernels_and_shell_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [enable]\n")
    flags = ("--kernel", "current", "--kernel", "lts", "--arch", "arm64", "--api", "merged", "--json", "-")
    for more, kernels in (
        ((), [("lts", "module"), ("current", "module"), ("current", "native")]),
        # The kernel has no other personality than its own.
        (("--personality", "xen"), [("lts", "module"), ("current", "module")]),
    ):
        assert main(["predict", str(tmp_path), *flags, *more]) == 0
        found = json.loads(capsys.readouterr().out)["predictions"]
        assert [(one["kernel"], one["impl"]) for one in found] == kernels
    assert main(["shell", "arm64", "--kernel", "lts", "--kernel", "current"]) == 2
    assert "one --kernel is possible here, not lts, current" in capsys.readouterr().err
