# SPDX-License-Identifier: GPL-2.0-only
"""`run --on` gives the results of the same run without it, from shards that a dask cluster runs."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from lazymmu.support.project import LIBRARY

from tests.guest.conftest import Lazymmu
from tests.headers import MERGED, NESTED_FLUSH

_MACHINES = ("--arch", "arm64,s390x", "--api", "merged")
_SELECTION = ("nesting/deep", "nesting/single", "given", *_MACHINES, "--jobs", "1")
_WRONG = "description: x\nsteps: [enable, disable]\nexpect: {hooks: eef}\n"
_SAME = ("kernels", "qemu", "sources", "arguments", "accelerators", "scenarios")


def comparable(out: Path) -> list[dict[str, Any]]:
    """Return the results in a folder, without times and what depends on the order in a guest."""
    results = json.loads((out / "results.json").read_text())["results"]
    return [{key: value for key, value in one.items() if key not in ("seconds", "position")} for one in results]


@pytest.fixture
def run(lazymmu: Lazymmu, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `lazymmu run` in a folder two below the test's."""
    working = tmp_path / "some" / "folder"
    working.mkdir(parents=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command, environment = lazymmu.command("run", *words), lazymmu.environment()
        return subprocess.run(command, cwd=working, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def address() -> Iterator[str]:
    """A scheduler with two workers. They are threads of this process, which start processes as others do."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_run_on_a_cluster_has_the_results_of_one_here(
    run: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    working = tmp_path / "some" / "folder"
    (working / "given").mkdir()
    (working / "given" / "wrong.yaml").write_text(_WRONG)
    here = run(*_SELECTION, "--out", "here")
    there = run(*_SELECTION, "--out", "there", "--on", address, "--junit", "there.xml")
    assert (here.returncode, there.returncode) == (1, 1), there.stdout + there.stderr
    assert there.stdout.splitlines()[-1].partition(" in ")[0] == here.stdout.splitlines()[-1].partition(" in ")[0]
    assert comparable(working / "there") == comparable(working / "here")
    facts, unsplit = (json.loads((working / name / "run.json").read_text()) for name in ("there", "here"))
    assert {key: facts[key] for key in _SAME} == {key: unsplit[key] for key in _SAME}
    assert sorted(one["shard"] for one in facts["shards"]) == ["1/2", "2/2"]
    assert len({one["worker"] for one in facts["shards"]}) == 2
    assert (working / "there" / "guests" / "shard-1" / "arm64-1.console.log").is_file()
    assert "wrong" in (working / "there.xml").read_text()


@pytest.mark.exhaustive
def test_every_file_that_a_flag_names_reaches_the_workers(
    run: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    working = tmp_path / "some" / "folder"
    (tmp_path / "mine.yaml").write_text(_WRONG)
    (working / "pgtable.h").write_text(MERGED.replace(NESTED_FLUSH, ""))
    (working / "known.yaml").write_text("- {scenario: nesting/two-levels, reason: under review, expires: 2099-12-31}\n")
    library = os.path.relpath(LIBRARY / "nesting", working)
    given = {
        "scenarios": ("../../mine.yaml", f"{library}/two-levels.yaml", f"{library}/sib*.yaml"),
        "header": ("nesting/two-levels", "nesting/single", "--header", "pgtable.h", "--known", "known.yaml"),
        "plan": ("--plan", str(working / "plan.json"), "--timings", "scenarios"),
        "failed": ("--failed-from", str(working / "scenarios")),
    }
    selection = {"scenarios": _MACHINES, "header": ("--arch", "arm64,s390x"), "plan": (), "failed": ()}
    assert run(*given["header"][:2], *_MACHINES, "--save-plan", "plan.json").returncode == 0
    for name, words in given.items():
        here = run(*words[: 2 if name == "plan" else None], *selection[name], "--out", name)
        there = run(*words, *selection[name], "--jobs", "1", "--out", f"{name}-there", "--on", address)
        assert there.returncode == here.returncode, there.stdout + there.stderr
        assert comparable(working / f"{name}-there") == comparable(working / name)
        assert here.stdout.splitlines()[-1].partition(" in ")[0] == there.stdout.splitlines()[-1].partition(" in ")[0]


@pytest.mark.exhaustive
def test_a_run_that_ends_at_its_first_failure_can_be_resumed_here(
    run: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    working = tmp_path / "some" / "folder"
    (working / "a.yaml").write_text(_WRONG)
    selection = ("a.yaml", "nesting/deep", "nesting/single", *_MACHINES)
    assert run(*selection, "--out", "here").returncode == 1
    done = run(*selection, "-x", "--on", address, "--out", "there")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "stopped after 1 failure: " in done.stdout
    assert run("--resume", "there").returncode == 1
    assert comparable(working / "there") == comparable(working / "here")


@pytest.mark.exhaustive
def test_a_header_that_is_not_c_is_refused_as_without_a_cluster(
    run: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    (tmp_path / "some" / "folder" / "pgtable.h").write_text(MERGED.replace("mine->enable_count += 1;", "this is no C;"))
    done = run("nesting/single", "--arch", "arm64", "--header", "pgtable.h", "--on", address, "--out", "out")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "shard 1/" in done.stderr
    assert "pgtable.h:" in done.stderr
