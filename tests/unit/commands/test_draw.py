# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu draw` draws what the model says; those that do the same share a picture."""

import json
import shutil
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.reports.pictures.of_result import of_result
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.verdict import judge
from lazymmu.support.project import ROOT
from msgspec.structs import replace

from tests.unit import examples, runs

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


def recorded(folder: Path, units: tuple[Unit, ...], number: int = 4) -> tuple[Path, Result]:
    """Write the results of a run in which one unit of nesting/deep did not call its last hook; return its result."""
    unit = units[number]
    predicted = examples.predicted(unit)
    last = replace(predicted.steps[-1], hooks="", hook_active="")
    observed = replace(predicted, hooks=predicted.hooks[:-1], steps=(*predicted.steps[:-1], last))
    parts = tuple(judge(unit, unit.case, predicted, observed))
    failed = Result.of(
        unit, Outcome.FAIL, str(parts[0]), predicted=predicted, observed=observed, release="6.12", parts=parts
    )
    run = runs.summary(units, ["pass"] * len(units))
    document = folder / "results.json"
    document.write_text(runs.written("json", runs.changed(run, [failed, *list(run.results)[number + 1 :]])))
    return document, failed


def test_a_result_is_drawn_with_both_sides_and_its_first_difference(
    tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    document, failed = recorded(tmp_path, units)
    shutil.copytree(Path(units[0].scenario.path).parents[1], tmp_path / "scenarios")
    copies = {unit.scenario.name: f"scenarios/{unit.scenario.name}.yaml" for unit in units}
    (tmp_path / "run.json").write_text(json.dumps({"scenarios": copies}))
    case = failed.scenario_name
    lines = said(capsys, "--from", str(tmp_path), case).splitlines()
    assert lines[0] == f"{case} merged on arm64: fail"
    *reason, marked = (line.removeprefix("> ") for line in lines[1:] if line.startswith(">"))
    assert " ".join(reason) == failed.reason
    assert marked.split() == ["1", "disable", "l", "0", "0"]
    drawn = said(capsys, "--from", str(tmp_path), "*", "-o", "-")
    assert drawn.count("CPU 0 observed") == 1
    assert ": pass" not in drawn
    passed = said(capsys, "--from", str(tmp_path), case, "--arch", "s390x").splitlines()
    assert passed[0] == f"{case} merged on s390x: pass"
    assert "observed" not in passed[1]
    # Without the copies of the folder, the case is looked for by its name.
    named = said(capsys, "--from", str(document), case, status=2)
    assert f"no scenario, file or directory `{case}`" in named


def test_results_that_do_not_fit_are_refused(
    tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _, failed = recorded(tmp_path, units)
    copy = tmp_path / "copy.yaml"
    copy.write_text("description: x\nsteps: [enable, pause]\n")
    (tmp_path / "run.json").write_text(json.dumps({"scenarios": {failed.scenario_name: copy.name}}))
    case = failed.scenario_name
    assert "the scenario or the model has changed" in said(capsys, "--from", str(tmp_path), case, status=2)
    missing = said(capsys, "--from", str(tmp_path), "nesting/nope", status=2)
    assert "no result of nesting/nope" in missing
    assert f"not passed: {failed.label()}" in missing
    assert "--tag cannot be given" in said(capsys, "--from", str(tmp_path), case, "--tag", "x", status=2)
    assert "cannot be read" in said(capsys, "--from", str(tmp_path / "no.json"), case, status=2)


def test_the_step_in_which_a_guest_was_lost_is_marked(units: tuple[Unit, ...]) -> None:
    result = runs.result(units[-1], "error", "the guest hangs; last begun: step 2 resume (pause/plain.yaml:2:33)")
    one = of_result(units[-1].case, result)
    assert [column.title for column in one.columns if column.is_marked] == ["resume"]
    assert (one.sides, one.mark) == (("predicted",), result.reason)


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
