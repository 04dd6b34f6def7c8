# SPDX-License-Identifier: GPL-2.0-only
"""`new` writes a scenario that is right as it is, and `list --operations` has every step of the language."""

from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.scenario.steps import WORDS
from lazymmu.support.project import PACKAGE

TEMPLATES = sorted(path.stem for path in (PACKAGE / "templates").glob("*.yaml"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_is_a_right_scenario_without_notes(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "mine.yaml"
    assert main(["new", str(path.with_suffix("")), "--template", template]) == 0
    assert str(path) in capsys.readouterr().out
    assert main(["lint", str(path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["predict", str(path)]) == 0
    # The first line says to a reader what the template shows.
    assert path.read_text().startswith("# ")


def test_new_replaces_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert main(["new", str(path)]) == 2
    assert f"{path} exists" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_an_unknown_template_gets_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "mine"), "--template", "sektion"]) == 2
    assert "section" in capsys.readouterr().err


def test_list_operations_has_every_step_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--operations"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("- ")] == [word.form for word in WORDS.values()]
    assert all(line.endswith((".", ")")) for line in lines if line.startswith("    "))
    assert "    Let the named task run, on the CPU where it is." in lines
    assert main(["list", "--operations", "nesting"]) == 2
