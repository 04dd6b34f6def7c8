# SPDX-License-Identifier: GPL-2.0-only
"""The files for CI systems are valid, and their steps that need no guest work."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lazymmu.commands import COMMANDS
from lazymmu.parser import command_parser
from lazymmu.support.project import ROOT

from tests import ci_files


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-workflows", ci_files.WORKFLOW),
        ("custom.github-workflows-require-timeout", ci_files.WORKFLOW),
        ("vendor.github-actions", ci_files.ACTION),
        ("vendor.gitlab-ci", ci_files.GITLAB),
        ("vendor.gitlab-ci", ci_files.GITLAB_JOBS),
        ("vendor.buildkite", ci_files.BUILDKITE),
    ],
)
def test_a_file_is_valid(schema: str, path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def scripts() -> dict[str, str]:
    """Return the scripts in the files, by a name for people."""
    found = {f"github: {step.get('name')}": step["run"] for step in ci_files.github_steps()}
    for name, job in ci_files.read(ci_files.GITLAB).items():
        if isinstance(job, dict) and "script" in job:
            found[f"gitlab: {name}"] = "\n".join(job["script"])
    for step in ci_files.read(ci_files.BUILDKITE)["steps"]:
        # The upload of a pipeline makes $ of $$.
        found[f"buildkite: {step['key']}"] = step["command"].replace("$$", "$")
    found["slurm"] = ci_files.SLURM.read_text()
    return found


@pytest.mark.parametrize("name", scripts())
def test_a_shell_can_read_a_script(name: str) -> None:
    done = subprocess.run(["bash", "-n"], input=scripts()[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_devcontainer_is_json_with_commands_that_exist() -> None:
    text = (ROOT / "ci" / "devcontainer.json").read_text()
    read = json.loads("\n".join(line for line in text.splitlines() if not line.startswith("//")))
    words = [part.split() for part in read["postCreateCommand"].split(" && ")]
    assert [command[:2] for command in words] == [["CI=true", "./lazymmu"]] * len(words)
    assert {command[2] for command in words} <= {*COMMANDS}


def test_the_image_runs_commands_that_exist() -> None:
    lines = (ROOT / "ci" / "Containerfile").read_text().splitlines()
    (words,) = (json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD "))
    command_parser(COMMANDS.pick(words[0])).read(words[1:])
    assert any("/opt/lazymmu/lazymmu setup" in line for line in lines)


def test_a_pinned_file_that_a_cache_depends_on_exists() -> None:
    files = ci_files.read(ci_files.GITLAB_JOBS)["default"]["cache"]["key"]["files"]
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("shards", ["1", "2"])
def test_github_gets_a_job_for_each_architecture_and_shard(tmp_path: Path, shards: str) -> None:
    ci_files.launcher(tmp_path / ".lazymmu" / "lazymmu")
    values = {"inputs.selection": "nesting --arch arm64,s390x", "inputs.shards || 1": shards}
    outputs = ci_files.run_step(ci_files.github_step("List the jobs"), values, tmp_path, {})
    jobs = [(job["arch"], job["shard"]) for job in json.loads(outputs["matrix"])["include"]]
    each = [f"{number}/{shards}" for number in range(1, int(shards) + 1)]
    assert jobs == [(arch, shard) for arch in ("arm64", "s390x") for shard in each]
    run = ci_files.read(ci_files.WORKFLOW)["jobs"]["run"]["steps"][-1]["with"]
    keys = set(re.findall(r"matrix\.(\w+)", str(run)))
    assert keys == {"arch", "kernel", "selection", "shard"} == {*json.loads(outputs["matrix"])["include"][0]}


def test_gitlab_gets_a_child_pipeline_that_is_valid_with_what_its_jobs_share(tmp_path: Path) -> None:
    ci_files.launcher(tmp_path / "lazymmu")
    (script,) = ci_files.read(ci_files.GITLAB)["lazymmu plan"]["script"]
    ci_files.run_script(script, tmp_path, {"LAZYMMU_SELECTION": "nesting --arch arm64", "LAZYMMU_SHARDS": "2"})
    jobs = json.loads((tmp_path / "lazymmu-jobs.yml").read_text())
    assert [*jobs] == ["arm64 lts 1/2", "arm64 lts 2/2", "merge"]
    pipeline = tmp_path / "pipeline.json"
    pipeline.write_text(json.dumps({**ci_files.read(ci_files.GITLAB_JOBS), **jobs}))
    test_a_file_is_valid("vendor.gitlab-ci", pipeline)


def test_the_key_of_the_cache_is_that_of_the_lock_and_the_module(tmp_path: Path) -> None:
    step = ci_files.github_step("Digest what the cache depends on")
    places = ("images/lock", "guest/module")
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file").write_text("old")
    key = {"GITHUB_ACTION_PATH": str(tmp_path)}
    digests = [ci_files.run_step(step, {}, tmp_path, key)["digest"]]
    for place in places:
        (tmp_path / place / "file").write_text("new")
        digests.append(ci_files.run_step(step, {}, tmp_path, key)["digest"])
    (tmp_path / "README.md").write_text("not in the cache")
    assert ci_files.run_step(step, {}, tmp_path, key)["digest"] == digests[-1]
    assert len({*digests}) == len(digests)
    assert all(len(digest) == 64 for digest in digests)
