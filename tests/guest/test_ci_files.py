# SPDX-License-Identifier: GPL-2.0-only
"""The scripts for CI systems run shards and join their results, with the variables of those systems."""

import json
import os
from pathlib import Path

import pytest

from tests import ci_files

_SELECTION = "nesting/single nesting/two-levels --arch arm64 --api merged"


def test_github_runs_the_shards_and_joins_them(tmp_path: Path) -> None:
    launcher = ci_files.launcher(tmp_path / "lazymmu")
    for shard in ("1/2", "2/2"):
        number = shard[0]
        temporary = tmp_path / "parts" / f"lazymmu-arm64-lts-{number}"
        temporary.mkdir(parents=True)
        values = {
            "github.action_path": str(launcher.parent),
            "inputs.arguments": f"{_SELECTION} --shard {shard}",
            "runner.temp": str(temporary),
        }
        outputs = ci_files.run_step(ci_files.github_step("Run the scenarios"), values, tmp_path, {})
        assert Path(outputs["results"]) == temporary / "lazymmu-results"
        assert (temporary / "lazymmu-results.xml").is_file()
    jobs = [{"arch": "arm64", "kernel": "lts", "shard": shard} for shard in ("1/2", "2/2")]
    values = {"needs.plan.outputs.matrix": json.dumps({"include": jobs})}
    ci_files.run_step(ci_files.github_step("Join the results of all jobs"), values, tmp_path, {})
    joined = json.loads((tmp_path / "results" / "results.json").read_text())
    assert joined["summary"] == {"pass": 2, "fail": 0, "error": 0, "skip": 0}
    assert (tmp_path / "results.html").is_file()


def test_buildkite_runs_the_shards_and_joins_them(tmp_path: Path) -> None:
    ci_files.launcher(tmp_path / "lazymmu")
    # It takes the place of Buildkite's own program, whose files are there already.
    ci_files.launcher(tmp_path / "bin" / "buildkite-agent").write_text("#!/bin/sh\n")
    shards, report = (step["command"].replace("$$", "$") for step in ci_files.read(ci_files.BUILDKITE)["steps"])
    given = {
        "LAZYMMU_ARGUMENTS": _SELECTION,
        "BUILDKITE_PARALLEL_JOB_COUNT": "2",
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
    }
    for job in ("0", "1"):
        ci_files.run_script(shards, tmp_path, {**given, "BUILDKITE_PARALLEL_JOB": job})
        assert (tmp_path / "junit" / f"{job}.xml").is_file()
    ci_files.run_script(report, tmp_path, given)
    assert json.loads((tmp_path / "all" / "results.json").read_text())["summary"]["pass"] == 2


@pytest.mark.parametrize("tasks", [("6", "5"), pytest.param(("1", "4"), marks=pytest.mark.exhaustive)])
def test_the_last_task_of_a_slurm_array_joins_what_all_have_run(tmp_path: Path, tasks: tuple[str, str]) -> None:
    given = {
        "LAZYMMU": str(ci_files.launcher(tmp_path / "lazymmu")),
        "SLURM_ARRAY_JOB_ID": "4711",
        "SLURM_ARRAY_TASK_COUNT": "2",
        "SLURM_ARRAY_TASK_MIN": min(tasks),
        "SLURM_ARRAY_TASK_MAX": max(tasks),
        "SLURM_ARRAY_TASK_STEP": str(int(max(tasks)) - int(min(tasks))),
        "SLURM_SUBMIT_DIR": str(tmp_path),
    }
    for task in tasks:
        ci_files.run_script(f"{ci_files.SLURM} {_SELECTION}", tmp_path, {**given, "SLURM_ARRAY_TASK_ID": task})
    results = tmp_path / "lazymmu-4711"
    assert json.loads((results / "all" / "results.json").read_text())["summary"]["pass"] == 2
    assert (results / "merging").is_dir()
