# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of architectures is all that the command line needs to know a new one."""

import json
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.support.project import ROOT

from tests.guest.checkouts import checkout_with
from tests.unit.apart import run

ARM64 = (ROOT / "harness/lazymmu/architectures/arm64.py").read_text()
#: A guest whose architecture is not a personality and that the default run does not use.
FAKE = (
    ARM64.replace('NAME = "arm64"', 'NAME = "fake64"')
    .replace('personality="arm64"', 'personality="s390x"')
    .replace("    default=True,\n", "")
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with a new architecture."""
    checkout = checkout_with({}, tmp_path_factory.mktemp("copy") / "checkout")
    folder = checkout / "harness/lazymmu/architectures"
    (folder / "fake64.py").write_text(FAKE)
    return checkout


def test_a_new_architecture_runs_what_its_personality_would(checkout: Path) -> None:
    flags = ("nesting/single", "--api", "merged", "--json", "-")
    done = run(checkout, "predict", *flags, "--arch", "all")
    assert done.returncode == 0, done.stderr
    found = {one["arch"]: one["predicted"] for one in json.loads(done.stdout)["predictions"]}
    assert sorted(found) == sorted([*architectures(), "fake64"])
    assert found["fake64"] == found["s390x"] != found["arm64"]


def test_a_scenario_names_guests_by_architecture_and_outcomes_by_personality(checkout: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "description: x\narch: [fake64, x86_64]\nsteps: [enable, check: {iptes: 0, arch: [s390x]}]\n"
        "expect: {merged: {s390x: {hooks: e}}}\n"
    )
    done = run(checkout, "predict", str(scenario), "--api", "merged", "--arch", "all", "--json", "-")
    assert [one["arch"] for one in json.loads(done.stdout)["predictions"]] == ["x86_64", "fake64"]
    scenario.write_text(scenario.read_text().replace("[s390x]", "[fake64]"))
    assert "unknown name `fake64` in `arch`" in run(checkout, "lint", str(scenario)).stderr
