# SPDX-License-Identifier: GPL-2.0-only
"""A run that was killed and then interrupted is resumed: in the end each unit has one result, and none ran twice."""

import json
import signal
import subprocess
from pathlib import Path

from tests.guest.conftest import Lazymmu

FLAGS = ("nesting", "--api", "merged", "--arch", "arm64", "--arch", "s390x", "--repeat", "15", "--shuffle", "3")


def stopped(lazymmu: Lazymmu, number: signal.Signals, units: int, *arguments: str) -> int:
    """Start a run, end it by a signal when so many units have ended, and return its exit status."""
    command = ["env", "--default-signal=INT", *lazymmu.command("run", "--verbose", *arguments)]
    with subprocess.Popen(command, env=lazymmu.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(units):
            assert process.stdout.readline().startswith("pass  nesting/")
        process.send_signal(number)
        process.stdout.read()
        return process.wait()


def lines(out: Path) -> list[bytes]:
    return (out / "results.jsonl").read_bytes().splitlines()


def test_a_run_that_was_killed_and_interrupted_can_be_finished(lazymmu: Lazymmu, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert stopped(lazymmu, signal.SIGKILL, 10, *FLAGS, "--out", str(out)) == -signal.SIGKILL
    killed = lines(out)
    assert len(killed) >= 10
    assert not (out / "results.json").exists()

    # With another kernel it cannot be resumed.
    facts = (out / "run.json").read_text()
    release = json.loads(facts)["kernels"]["s390x"]["release"]
    (out / "run.json").write_text(facts.replace(f'"{release}"', '"6.1.0-s390x"'))
    refused = lazymmu("run", "--resume", str(out))
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert (
        f"the kernel of s390x: 6.1.0-s390x {json.loads(facts)['kernels']['s390x']['version']} at first"
        in refused.stderr
    )
    assert lines(out) == killed[: len(lines(out))]
    (out / "run.json").write_text(facts)

    assert stopped(lazymmu, signal.SIGINT, 10, "--resume", str(out)) == 130
    interrupted = lines(out)
    document = json.loads((out / "results.json").read_text())
    assert document["interrupted"] is True
    assert len(document["results"]) == len(interrupted) >= len(killed) + 9

    done = lazymmu("run", "--resume", str(out), "--json", str(tmp_path / "run.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    every = lines(out)
    assert interrupted[: len(killed) - 1] == killed[:-1]
    assert every[: len(interrupted)] == interrupted
    document = json.loads((tmp_path / "run.json").read_text())
    numbers = [result["number"] for result in document["results"]]
    assert numbers == list(range(document["selected"])) == sorted(json.loads(line)["number"] for line in every)
    assert document["summary"] == {"pass": len(every), "fail": 0, "error": 0, "skip": 0}
    assert (document["interrupted"], document["shuffle"]) == (False, 3)
    assert f"{len(every)} pass, 0 fail" in (out / "summary.txt").read_text()
    facts = json.loads((out / "run.json").read_text())
    assert (facts["status"], len(facts["resumed"])) == (0, 2)
    # The logs of each part are kept.
    for part in ("", "resumed-1", "resumed-2"):
        assert list((out / "guests" / part).glob("arm64*.log"))
