# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu diff` says who does the same in a scenario, and at which step the others part."""

import json
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.unit import examples

PAUSED = "description: A pause in a section.\nsteps:\n  - enable\n  - pause\n  - resume\n  - disable\n"


def said(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    examples.scenario(tmp_path, text)
    assert main(["diff", str(tmp_path / "example.yaml"), *flags]) == 0
    return capsys.readouterr().out.splitlines()


def test_those_that_do_the_same_share_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(tmp_path, PAUSED, capsys, "--api", "amended", "--api", "merged")
    assert lines[1:4] == [
        "  A  amended on arm64, x86_64: hooks elel",
        "  B  amended on s390x: hooks eprl",
        "  C  merged on arm64, s390x, x86_64: hooks elel",
    ]
    table = [line.split() for line in lines if line.strip().startswith(("0", "1", "2", "3", ">"))]
    assert table == [
        # The hook of enable: inactive as seen from inside it in the amended proposal, active in Linux 7.0.
        [">", "0", "enable", "e(off)", "on", "e(off)", "on", "e(on)", "on"],
        ["1", "pause", "l(off)", "off", "p(off)", "off", "l(off)", "off"],
        ["2", "resume", "e(off)", "on", "r(off)", "on", "e(on)", "on"],
        ["3", "disable", "l(off)", "off", "l(off)", "off", "l(off)", "off"],
    ]


def test_the_first_step_at_which_they_part_is_named_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(tmp_path, PAUSED, capsys, "--api", "amended")
    assert any(f"they part at step 1 pause ({tmp_path}/example.yaml:4:5)" in line for line in lines)
    assert sum(line.startswith(">") for line in lines) == 1


def test_a_step_that_does_not_run_everywhere_is_a_parting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "description: A hook that is due in one.\nsteps:\n  - pause: {before_hook: [flush]}\n"
    lines = said(tmp_path, text, capsys, "--api", "proposal", "--api", "merged")
    assert any("1   flush" in line and "f(off) off" in line and "not run" in line for line in lines)


def test_all_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(tmp_path, PAUSED, capsys, "--api", "merged")
    assert lines[1:8] == [
        "  A  merged on arm64, s390x, x86_64: hooks elel",
        "  all agree",
        "  step       A",
        "  0 enable   e(on) on",
        "  1 pause    l(off) off",
        "  2 resume   e(on) on",
        "  3 disable  l(off) off",
    ]
    assert lines[-1].startswith("hooks: e arch_enter, l arch_leave, ")


def test_a_long_case_stays_on_one_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flushes = "  - repeat: {times: 300, steps: [flush]}\n"
    text = f"description: Long.\nsteps:\n{flushes}  - pause\n{flushes}"
    lines = said(tmp_path, text, capsys, "--api", "proposal", "--api", "merged")
    assert len(lines) < 29
    assert "    (296 steps before)" in lines
    assert "    (287 more steps)" in lines


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAUSED.replace("steps:\n", "vary: {times: [1, 2]}\nsteps:\n  - repeat: {times: $times, steps: [flush]}\n")
    document = json.loads("\n".join(said(tmp_path, text, capsys, "--api", "amended", "--json", "-")))
    assert document["schema"] == 1
    assert [one["case"] for one in document["diffs"]] == [{"times": 1}, {"times": 2}]
    first, second = document["diffs"]
    assert first["groups"] == [
        {"name": "A", "pairs": [["amended", "arm64"], ["amended", "x86_64"]], "hooks": "felel"},
        {"name": "B", "pairs": [["amended", "s390x"]], "hooks": "feprl"},
    ]
    assert first["parting"] == {"step": 2, "op": "pause", "place": f"{tmp_path}/example.yaml:6:5"}
    assert second["parting"]["step"] == 3


def test_a_scenario_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff"]) == 2
    assert "SCENARIO" in capsys.readouterr().err
