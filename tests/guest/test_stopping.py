# SPDX-License-Identifier: GPL-2.0-only
"""A run that ends early, by --max-failures or --max-time, has whole reports and is never green."""

import json
import time
from pathlib import Path

from tests.guest.conftest import Lazymmu

WRONG = "description: x\nvary: {n: [1, 2, 3, 4]}\nsteps: [repeat: {times: $n, steps: [enable]}]\nexpect: {hooks: l}\n"
SLOW = "description: x\nvary: {n: [1, 2, 3, 4, 5, 6, 7, 8]}\nsteps: [enable, disable, sleep: 1000, touch: $n]\n"
FLAGS = ("--arch", "arm64", "--api", "merged", "--jobs", "1")


def test_a_run_stops_after_the_first_failure(lazymmu: Lazymmu, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done, document = lazymmu.run(str(tmp_path / "wrong"), *FLAGS, "-x")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == "stopped after 1 failure: 1 of 4 were done, 3 were not run"
    assert document["summary"] == {"pass": 0, "fail": 1, "error": 0, "skip": 0}
    assert (document["selected"], document["interrupted"]) == (4, True)


def test_a_run_ends_within_its_time_with_whole_reports(lazymmu: Lazymmu, tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    flags = (*FLAGS, "--max-time", "4", "--out", str(tmp_path / "out"))
    done = lazymmu("run", str(tmp_path / "slow"), *flags, extra={"LAZYMMU_BEGAN": f"{began:.2f}"})
    # A busy machine may be late.
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - began < 5
    assert done.returncode == 3, done.stdout
    assert done.stdout.splitlines()[-1].startswith("stopped by --max-time 4: ")
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["summary"]["pass"] == len(document["results"]) < document["selected"] == 8
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == 3
