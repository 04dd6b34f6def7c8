# SPDX-License-Identifier: GPL-2.0-only
"""One file adds a revision, and one file a personality: the command line knows them from their folders."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lazymmu.support.project import ROOT

from tests.guest.checkouts import checkout_with
from tests.unit.apart import run

SUBJECT = "harness/lazymmu/subject"
MERGED = (ROOT / SUBJECT / "revisions/merged.py").read_text()
ARM64 = (ROOT / SUBJECT / "personalities/arm64.py").read_text()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new revision and a new personality."""
    checkout = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    subject = checkout / SUBJECT
    # Like merged, but a nested enable calls enter.
    eager = MERGED.replace('"merged"', '"eager"').replace("    if enters:\n", "    if state.pause_count == 0:\n")
    (subject / "revisions/eager.py").write_text(eager)
    # Like arm64, with a counter of its own.
    fenced = ARM64.replace('"arm64"', '"fenced"').replace('"barriers"', '"fences"')
    (subject / "personalities/fenced.py").write_text(fenced)
    return checkout


def predicted_hooks(done: CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return {one["api"]: one["predicted"]["hooks"] for one in json.loads(done.stdout)["predictions"]}


def test_a_new_revision_is_predicted_and_listed(checkout: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("description: x\nsteps: [enable, enable, pause_task: main]\nexpect: {eager: {hooks: eel}}\n")
    words = ("predict", str(scenario), "--arch", "arm64", "--json", "-", "--api")
    assert predicted_hooks(run(checkout, *words, "eager")) == {"eager": "eel"}
    assert predicted_hooks(run(checkout, *words, "all")) == {"eager": "eel", "merged": "el", "with-ptes": "el"}
    assert "eager,merged,with-ptes on" in run(checkout, "list", str(scenario)).stdout


def test_a_new_personality_can_be_named_in_a_scenario(checkout: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "description: x\npersonality: fenced\nsteps: [set_pte: {index: 0, value: 1}, check: {fences: 1}]\n"
        "expect: {fenced: {counters: {fences: 1}}}\n"
    )
    done = run(checkout, "predict", str(scenario), "--api", "merged", "--json", "-")
    assert done.returncode == 0, done.stderr
    predictions = json.loads(done.stdout)["predictions"]
    assert [one["arch"] for one in predictions] == ["arm64", "s390x", "x86_64"]
    assert all(one["predicted"]["counters"]["fences"] == 1 for one in predictions)


@pytest.mark.parametrize(("folder", "key"), [("subject/revisions", "api"), ("architectures", "arch")])
def test_who_needs_a_broken_file_gets_its_error(tmp_path: Path, folder: str, key: str) -> None:
    checkout = checkout_with({}, tmp_path / "checkout")
    (checkout / "harness/lazymmu" / folder / "mine.py").write_text("NAME = 'mine'\n")
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(f"description: x\n{key}: [mine]\nsteps: [enable, disable]\n")
    for words in (("nesting/single", f"--{key}", "all"), ("nesting/single", f"--{key}", "mine"), (str(scenario),)):
        done = run(checkout, "predict", *words)
        assert done.returncode == 3
        assert f"{folder}/mine.py:1: the " in done.stderr
