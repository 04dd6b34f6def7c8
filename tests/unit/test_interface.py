# SPDX-License-Identifier: GPL-2.0-only
"""The public interface: what is in it, what it costs, and what it does without a guest."""

import json
import subprocess
import sys
from pathlib import Path

import lazymmu
import pytest
from lazymmu.cli import main

from tests.unit import apart, examples

IMPORTED = "import sys, lazymmu; print(sorted(name for name in sys.modules if name.startswith('lazymmu')))"


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTED], env=apart.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "['lazymmu']\n"


def test_the_package_has_the_names_of_the_interface_and_no_others() -> None:
    assert {"Guest", "load", "predict", "run"} < set(lazymmu.__all__)
    assert all(getattr(lazymmu, name) for name in lazymmu.__all__)
    with pytest.raises(AttributeError, match="Selection"):
        lazymmu.Selection  # type: ignore[attr-defined]  # noqa: B018


def test_help_and_dir_know_the_names_of_the_interface() -> None:
    command = "import lazymmu; help(lazymmu.interface); print({'interface', 'load', 'Guest'} < {*dir(lazymmu)})"
    environment = {**apart.environment(), "PAGER": "cat"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert "Return what the model predicts for each unit" in done.stdout
    assert done.stdout.endswith("True\n")


def test_what_is_no_name_of_a_scenario_is_refused_by_its_value() -> None:
    with pytest.raises(TypeError, match=r"load\(\) takes names and paths of scenarios .* not 3"):
        lazymmu.load(3)  # type: ignore[arg-type]


def test_scenarios_are_loaded_by_name_and_by_path(tmp_path: Path) -> None:
    examples.scenario(tmp_path, examples.NESTED)
    single, mine = lazymmu.load("nesting/single", tmp_path / "example.yaml")[::-1]
    assert (single.name, mine.name) == ("nesting/single", str(tmp_path / "example"))
    assert lazymmu.load(library=tmp_path)[0].name == "example"
    assert len(examples.library()) > 100


def test_predictions_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "nesting", "--arch", "s390x", "--api", "all", "--json", "-"]) == 0
    documents = json.loads(capsys.readouterr().out)["predictions"]
    predictions = lazymmu.predict("nesting", arch="s390x", api=["all"])
    assert len(lazymmu.predict("nesting", arch="s390x", api=["all"], exclude="nesting/deep")) < len(predictions)
    for prediction, document in zip(predictions, documents, strict=True):
        assert (prediction.unit.scenario.name, prediction.unit.api) == (document["scenario"], document["api"])
        assert prediction.trace.hooks == document["predicted"]["hooks"]
        assert document["skip"] is None


def test_a_scenario_that_was_loaded_can_be_predicted(tmp_path: Path) -> None:
    scenario = examples.scenario(tmp_path, "description: x\nsteps: [enable, {sleep: 1}]\n")
    (prediction,) = lazymmu.predict(scenario, arch="s390x", api="merged")
    assert prediction.trace.counters["atomic_sleeps"] == 1


def test_the_first_example_of_the_documents_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(examples.documented()[0], {})  # noqa: S102  (our own page)
    assert "nesting/two-levels merged on s390x efl\n" in capsys.readouterr().out


def test_mistakes_are_the_errors_of_the_command_line(tmp_path: Path) -> None:
    examples_file = tmp_path / "bad.yaml"
    examples_file.write_text("description: x\nsteps: [enabel]\n")
    with pytest.raises(lazymmu.ScenarioError, match=r"bad\.yaml:2:9: .*did you mean `enable`"):
        lazymmu.load(examples_file)
    for wrong in ({"arch": "arm46"}, {"api": "mergd"}, {"tag": "no-such-tag"}, {"impl": "header"}):
        with pytest.raises(lazymmu.UsageError):
            lazymmu.predict("nesting/single", **wrong)
    with pytest.raises(lazymmu.UsageError, match="there is: boot, scenario, shared"):
        lazymmu.run("nesting/single", isolation="none")
    for arch, kernel, transport in (
        ("arm46", "lts", "serial"),
        ("arm64", "nope", "serial"),
        ("arm64", "lts", "pigeon"),
    ):
        with pytest.raises(lazymmu.UsageError):
            lazymmu.Guest(arch, kernel=kernel, transport=transport)
