# SPDX-License-Identifier: GPL-2.0-only
"""`run --on` with workers in network namespaces: none of them, nor the scheduler, can be lost silently."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import clusters
from tests.clusters import ADDRESS, Cluster
from tests.guest.checkouts import appended, checkout_with
from tests.guest.conftest import Lazymmu
from tests.guest.processes import gone, qemus
from tests.guest.test_cluster import comparable

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make network namespaces"),
]

#: Three shards of some seconds each, and of minutes.
_SELECTION = ("nesting", "--api", "all", "--arch", "arm64", "--repeat", "9", "--jobs", "1")
_LONG = (*_SELECTION, "--repeat", "500")
_WORKERS = 3
# Seconds until everything that a run started has ended, on a busy machine.
_END = 30


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with clusters.started(tmp_path / "cluster") as found:
        for _ in range(_WORKERS):
            found.add_worker("--no-nanny")
        found.wait()
        yield found


@contextmanager
def under_way(
    lazymmu: Lazymmu, cluster: Cluster, out: Path, selection: Sequence[str] = _LONG
) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """Start a run; yield its process, and the QEMU of each worker's first shard."""
    # In a shell's background job, SIGINT is ignored by all child processes.
    command = ["env", "--default-signal=INT", *lazymmu.command("run", *selection, "--on", ADDRESS, "--out", str(out))]
    with subprocess.Popen(
        cluster.inside(command),
        env=lazymmu.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        found: dict[str, int] = {}
        end = time.monotonic() + 2 * _END
        while len(found) < _WORKERS:
            assert time.monotonic() < end, found
            for name, worker in cluster.workers.items():
                found.update((name, pid) for pid in qemus(worker.pid).values())
        try:
            yield process, found
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["killed", "terminated", "cut off"])
def test_the_shard_of_a_lost_worker_runs_elsewhere(lazymmu: Lazymmu, tmp_path: Path, how: str) -> None:
    assert lazymmu("run", *_SELECTION, "--out", str(tmp_path / "here")).returncode == 0
    settings = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s"} if how == "cut off" else {}
    with clusters.started(tmp_path / "cluster", **settings) as cluster:
        for _ in range(_WORKERS):
            # A nanny would start another worker.
            cluster.add_worker("--no-nanny")
        cluster.wait()
        with under_way(lazymmu, cluster, tmp_path / "there", _SELECTION) as (process, pids):
            if how == "cut off":
                cluster.cut_off("worker2")
            else:
                cluster.workers["worker2"].send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
            output = process.communicate()[0]
            assert gone([*pids.values()], _END)
        lost = cluster.host("worker2")
    assert process.returncode == 0, output
    assert comparable(tmp_path / "there") == comparable(tmp_path / "here")
    shards = json.loads((tmp_path / "there" / "run.json").read_text())["shards"]
    assert sorted(one["shard"] for one in shards) == ["1/3", "2/3", "3/3"]
    assert not [one for one in shards if lost in one["worker"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_command_ends_all_guests(
    lazymmu: Lazymmu, cluster: Cluster, tmp_path: Path, number: signal.Signals
) -> None:
    with under_way(lazymmu, cluster, tmp_path / "out") as (process, pids):
        process.send_signal(number)
        output = process.communicate(timeout=_END)[0]
        assert gone([*pids.values()], _END)
        assert not [name for name, worker in cluster.workers.items() if qemus(worker.pid)]
        # The tasks end, too, so that the cluster can be used again.
        assert list((tmp_path / "cluster").glob("worker*/**/lazymmu-shard-*")) == []
    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert (process.returncode, "interrupted: " in output) == (130, True), output


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("scheduler", f"the scheduler {ADDRESS} is gone"),
        ("workers", f"the scheduler {ADDRESS} has no workers any more"),
    ],
)
def test_a_cluster_that_is_lost_is_an_error_by_name(
    lazymmu: Lazymmu, cluster: Cluster, tmp_path: Path, lost: str, message: str
) -> None:
    with under_way(lazymmu, cluster, tmp_path / "out") as (process, pids):
        begin = time.monotonic()
        for one in [cluster.scheduler] if lost == "scheduler" else cluster.workers.values():
            one.kill()
        output = process.communicate(timeout=_END)[0]
        seconds = time.monotonic() - begin
        assert gone([*pids.values()], _END)
    assert (process.returncode, message in output) == (3, True), output
    assert seconds < 10


def test_a_worker_with_another_lazymmu_is_refused_by_name(lazymmu: Lazymmu, tmp_path: Path) -> None:
    changed = checkout_with([appended("harness/lazymmu/reports/live.py", "# other\n")], tmp_path / "changed")
    old = checkout_with([lambda top: (top / "harness/lazymmu/session/shards/shard_task.py").unlink()], tmp_path / "old")
    with clusters.started(tmp_path / "cluster") as cluster:
        cluster.add_worker("--no-nanny")
        two, three = (cluster.add_worker("--no-nanny", checkout=checkout) for checkout in (changed, old))
        cluster.wait()
        command = lazymmu.command("run", "nesting/single", "--on", ADDRESS, "--out", str(tmp_path / "out"))
        done = subprocess.run(
            cluster.inside(command), env=lazymmu.environment(), capture_output=True, text=True, check=False
        )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "these workers have another lazymmu" in done.stderr
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip().startswith("tcp:")]
    assert lines[0].endswith(": lazymmu/reports/live.py")
    assert "No module named 'lazymmu.session.shards.shard_task'" in lines[1]
    assert [cluster.host(name) in line for name, line in zip((two, three), lines, strict=True)] == [True, True]
    assert not (tmp_path / "out" / "results.json").exists()
