# SPDX-License-Identifier: GPL-2.0-only
"""`run --on` gives the results of the same run without it, from shards that a dask cluster runs."""

import json
import subprocess
from pathlib import Path
from typing import Any

from distributed import LocalCluster

from tests.guest.conftest import Lazymmu

_SELECTION = ("nesting/deep", "nesting/single", "given", "--arch", "arm64,s390x", "--api", "merged", "--jobs", "1")
_WRONG = "description: x\nsteps: [enable, disable]\nexpect: {hooks: eef}\n"
_SAME = ("kernels", "qemu", "sources", "arguments", "accelerators", "scenarios")


def comparable(out: Path) -> list[dict[str, Any]]:
    """Return the results in a folder, without times and what depends on the order in a guest."""
    results = json.loads((out / "results.json").read_text())["results"]
    return [{key: value for key, value in one.items() if key not in ("seconds", "position")} for one in results]


def test_a_run_on_a_cluster_has_the_results_of_one_here(lazymmu: Lazymmu, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "wrong.yaml").write_text(_WRONG)

    def run(out: str, *words: str) -> str:
        command = lazymmu.command("run", *_SELECTION, "--out", out, *words)
        done = subprocess.run(
            command, cwd=tmp_path, env=lazymmu.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout.splitlines()[-1].partition(" in ")[0]

    here = run("here")
    # Its workers are threads of this process, which start processes as others do.
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        there = run("there", "--on", cluster.scheduler_address, "--junit", "there.xml")
    assert there == here
    assert comparable(tmp_path / "there") == comparable(tmp_path / "here")
    facts, unsplit = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("there", "here"))
    assert {key: facts[key] for key in _SAME} == {key: unsplit[key] for key in _SAME}
    assert sorted(one["shard"] for one in facts["shards"]) == ["1/2", "2/2"]
    assert len({one["worker"] for one in facts["shards"]}) == 2
    assert (tmp_path / "there" / "guests" / "shard-1" / "arm64-1.console.log").is_file()
    assert "wrong" in (tmp_path / "there.xml").read_text()
