# SPDX-License-Identifier: GPL-2.0-only
"""Reads the files for CI systems, and runs their steps as far as a machine without that system can."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from lazymmu.support.project import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "lazymmu.yml"
ACTION = ROOT / "action.yml"
GITLAB = ROOT / "ci" / "gitlab.yml"
GITLAB_JOBS = ROOT / "ci" / "gitlab-jobs.yml"
BUILDKITE = ROOT / "ci" / "buildkite.yml"
SLURM = ROOT / "ci" / "slurm.sh"

_LAUNCHER = f'#!/bin/sh\nexec "{sys.executable}" -P -m lazymmu "$@"\n'


def read(path: Path) -> Any:
    """Return what a file of YAML says. YAML 1.1 takes the key `on` for a boolean; nothing here asks for it."""
    return yaml.safe_load(path.read_text())


def github_steps() -> Iterator[dict[str, Any]]:
    """Yield the steps of the workflow and of the action that run a script."""
    for job in read(WORKFLOW)["jobs"].values():
        yield from (step for step in job["steps"] if "run" in step)
    yield from (step for step in read(ACTION)["runs"]["steps"] if "run" in step)


def github_step(name: str) -> dict[str, Any]:
    """Return the step with this name."""
    (step,) = (step for step in github_steps() if step.get("name") == name)
    return step


def run_step(
    step: Mapping[str, Any], expressions: Mapping[str, str], folder: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """Run a step's script in a folder, with a value for each of its expressions. Returns its outputs."""
    output = folder / "output"
    output.write_text("")
    given = {name: _evaluated(value, expressions) for name, value in step.get("env", {}).items()}
    run_script(_evaluated(step["run"], expressions), folder, {**environment, **given, "GITHUB_OUTPUT": str(output)})
    return dict(line.split("=", 1) for line in output.read_text().splitlines())


def run_script(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a script as a runner does, in a folder. Returns what it wrote; asserts that the status is 0."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness"), "XDG_STATE_HOME": str(folder / "state"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def launcher(path: Path) -> Path:
    """Write a launcher that takes the environment of the tests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_LAUNCHER)
    path.chmod(0o755)
    return path


def _evaluated(text: object, expressions: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: expressions[found[1]], str(text))
