# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu draw` draws what the model says; those that do the same share a picture."""

from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.support.project import ROOT

from tests.unit import examples

PAUSED = "description: x\nvary: {times: [1, 2]}\nsteps: [enable, {repeat: {times: $times, steps: [pause, resume]}}]\n"
#: The picture of docs/how-to/pictures.md.
SHOWN = ["two-cpus/lost-update", "--api", "with-ptes", "--arch", "s390x"]


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["draw", *words]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_those_that_do_the_same_share_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, PAUSED)
    path = str(tmp_path / "example.yaml")
    titles = [
        line for line in said(capsys, f"{path}[times=2]", "--api", "amended,merged").splitlines() if " on " in line
    ]
    name = f"{tmp_path}/example[times=2]"
    assert titles == [
        f"{name} amended on arm64, x86_64",
        f"{name} amended on s390x",
        f"{name} merged on arm64, s390x, x86_64",
    ]


def test_a_file_gets_svg_unless_it_is_to_be_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "picture"
    assert said(capsys, "pause/nested", "--arch", "arm64", "-o", str(target)) == ""
    assert target.read_text().startswith("<svg ")
    assert said(capsys, "pause/nested", "--arch", "arm64", "-o", "-").startswith("<svg ")
    assert said(capsys, "pause/nested", "--arch", "arm64", "-o", str(target), "--text") == ""
    assert target.read_text() == said(capsys, "pause/nested", "--arch", "arm64", "--text")
    assert "in an existing folder" in said(capsys, "pause/nested", "-o", str(tmp_path / "no" / "x.svg"), status=2)


def test_what_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SCENARIO" in said(capsys, status=2)
    assert "no case `nesting/deep[depth=9]`" in said(capsys, "nesting/deep[depth=9]", status=2)
    assert "unknown revision `mergd`" in said(capsys, "nesting/deep", "--api", "mergd", status=2)


def test_the_picture_in_the_documents_is_up_to_date(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ROOT / "docs" / "pictures" / "timeline.svg"
    made = tmp_path / "picture.svg"
    said(capsys, *SHOWN, "-o", str(made))
    if request.config.getoption("--update"):
        shown.write_text(made.read_text())
    assert shown.read_text() == made.read_text(), "run `./lazymmu test unit --update`"
    assert f"./lazymmu draw {' '.join(SHOWN)}" in (ROOT / "docs" / "how-to" / "pictures.md").read_text()
