# SPDX-License-Identifier: GPL-2.0-only
"""What `lint` says of a file without mistakes, and what `predict` says of pins that it did not compare."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.scenario.rules import MISTAKES as MISTAKE_RULES
from lazymmu.support.project import ROOT


def said(path: Path, text: str, capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> list[str]:
    """Return the lines that a command prints of a file with this text, without the path."""
    path.write_text(f"description: x\n{text}")
    assert main([*(command or ("lint",)), str(path)]) == status
    return [line.removeprefix(f"{path}:") for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.yaml"


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("steps: [enable]\n", []),
        (
            "steps: [check: {iptes: 0, pause_count: 0}]\n",
            [
                "2:27: note: `pause_count` limits the scenario to merged, with-ptes [limits]",
                "2:17: note: `iptes` limits the scenario to s390x [limits]",
            ],
        ),
        (
            "steps: [enable_with_ptes: {index: 0, count: 1}, pause_task: main]\n",
            [
                "2:9: note: `enable_with_ptes` limits the scenario to amended, with-ptes [limits]",
                "2:49: note: `pause_task` limits the scenario to with-ptes [limits]",
            ],
        ),
        (
            "steps: [enable]\nexpect: {counters: {updates: 0}}\n",
            ["3:21: note: `updates` limits the scenario to x86_64, xen [limits]"],
        ),
        # The author names them.
        ("api: [merged]\narch: [s390x]\nsteps: [check: {iptes: 0, pause_count: 0}]\n", []),
        ("personality: s390x\nsteps: [check: {iptes: 0}]\n", []),
        ("steps: [check: {iptes: 0, arch: [s390x]}]\n", []),
    ],
)
def test_lint_says_which_words_limit_a_scenario(
    path: Path, text: str, notes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(path, text, capsys) == [*notes, "1 scenario with 1 case: well formed"]


def test_lint_says_once_what_many_scenarios_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.yaml").write_text("description: x\nsteps: [check: {iptes: 0}]\n")
    note = "note: `iptes` limits the scenario to s390x [limits]"
    few = [str(tmp_path / f"{name}.yaml") for name in "abc"]
    counted = "s: well formed"
    assert main(["lint", *few]) == 0
    each = [f"{path}:2:17: {note}" for path in few]
    assert capsys.readouterr().out.splitlines() == [*each, f"3 scenarios with 3 case{counted}"]
    assert main(["lint", str(tmp_path)]) == 0
    (line, _) = capsys.readouterr().out.splitlines()
    names = ", ".join(path.removesuffix(".yaml") for path in few)
    assert line.replace(".yaml", "") == f"{note}: 4 scenarios, such as {names} (all: --verbose)"
    assert main(["lint", "-v", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == each


def test_lint_of_the_library_fits_a_screen(
    capsys: pytest.CaptureFixture[str], everyday_or_all: Callable[[int, int], int]
) -> None:
    assert main(["lint", *["history", "batching", "checks"][: everyday_or_all(3, 0)]]) == 0
    assert len(capsys.readouterr().out.splitlines()) <= 24


UNREACHED = "note: no revision and personality compares this pin [unreached]"


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("steps: [enable: {before_hook: [check: {active: false, api: [merged]}]}]\n", []),
        # No hook is due.
        ("steps: [enable, enable: {before_hook: [check: {active: true}]}]\n", [f"2:40: {UNREACHED}"]),
        ("steps: [enable, lazy: [enable: {before_hook: [irqs_off: [touch: {index: 0, expect: true}]]}]]\n",
         [f"2:58: {UNREACHED}"]),
        # In merged alone there is none.
        ("steps: [pause: {before_hook: [check: {depth: 0}]}]\n", []),
        ("steps: [pause: {before_hook: [check: {depth: 0, api: [merged]}]}]\n", [f"2:31: {UNREACHED}"]),
        ("api: [merged]\nsteps: [enable]\nexpect: {hooks: e, merged: {hooks: e}}\n", [f"4:10: {UNREACHED}"]),
        ("api: [v3]\nsteps: [enable]\nexpect: {counters: {enable: 1, direct: 0}, v3: {counters: {direct: 0}}}\n", []),
        ("api: [v3]\nsteps: [enable]\nexpect: {counters: {direct: 0}, v3: {counters: {direct: 0}}}\n",
         [f"4:10: {UNREACHED}"]),
    ],
)  # fmt: skip
def test_lint_names_pins_that_no_run_can_compare(
    path: Path, text: str, notes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(path, text, capsys) == [*notes, "1 scenario with 1 case: well formed"]


def test_predict_names_pins_that_its_selection_does_not_compare(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "steps: [enable]\n"
        "expect: {v3: {hooks: e}, s390x: {outstanding: 0}, hook_active: '0', merged: {hook_active: '1'}}\n"
    )

    def notes(*flags: str) -> list[str]:
        return [
            line
            for line in said(path, f"{text}api: [amended, v3, merged]\n", capsys, "predict", *flags)
            if "note" in line
        ]

    unselected = "note: no case that ran compares this pin"
    assert notes() == [f"3:15: {unselected}"]
    assert notes("--arch", "arm64", "--api", "v3") == [f"3:34: {unselected}, nor those at 3:78"]
    assert notes("--api", "all") == []


def test_predict_counts_many_pins_that_its_selection_does_not_compare(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = "check: {depth: 0, api: [v3]}, " * 8
    flags = ("predict", "--api", "merged", "--arch", "arm64")
    lines = said(path, f"steps: [{checks}flush]\n", capsys, *flags)
    others = ", ".join(f"2:{column}" for column in range(39, 189, 30))
    assert lines[1:] == [f"2:9: note: no case that ran compares this pin, nor those at {others} and 2 more"]
    (path.parent / "b.yaml").write_text(path.read_text())
    assert main([*flags, str(path.parent)]) == 0
    (note,) = (line for line in capsys.readouterr().out.splitlines() if "note" in line)
    assert note == f"note: no case that ran compares 16 pins, the first at {path}:2:9"


WRONG = "step: [enable]\nsteps: [enabel, touch: 9999]\n"
MISTAKES = [(2, 1, "unknown"), (3, 9, "unknown"), (3, 24, "value")]


def test_lint_names_the_rule_of_each_mistake(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(f"description: x\n{WRONG}")
    assert main(["lint", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    for line, (row, column, rule) in zip(lines, MISTAKES, strict=True):
        assert line.startswith(f"{path}:{row}:{column}: ")
        assert line.endswith(f" [{rule}]")


def test_lint_as_json_has_mistakes_and_notes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(f"description: x\n{WRONG}")
    assert main(["lint", "--format", "json", str(path)]) == 2
    found = json.loads(capsys.readouterr().out)["problems"]
    assert [(one["line"], one["column"], one["rule"]) for one in found] == MISTAKES
    assert {(one["severity"], one["path"]) for one in found} == {("error", str(path))}
    path.write_text("description: x\nsteps: [check: {iptes: 0}]\n")
    assert main(["lint", "--format", "json", str(path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["scenarios"], document["cases"]) == (1, 1, 1)
    assert [(one["severity"], one["rule"]) for one in document["problems"]] == [("note", "limits")]


def test_lint_for_github_escapes_what_a_file_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a,b%.yaml"
    path.write_text("description: x\nsteps: ['100%::error::']\n")
    assert main(["lint", "--format", "github", str(path)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    name = str(path).replace("%", "%25").replace(",", "%2C")
    assert line.startswith(f"::error file={name},line=2,col=9,title=lazymmu lint%3A unknown::unknown step `100%25")


def test_every_rule_of_a_mistake_is_documented() -> None:
    sources = [*(ROOT / "harness" / "lazymmu").rglob("*.py")]
    used = {rule for file in sources for rule in re.findall(r'rule(?:: str)? ?= ?"(\w+)"', file.read_text())}
    assert used == MISTAKE_RULES.keys()
