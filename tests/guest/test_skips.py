# SPDX-License-Identifier: GPL-2.0-only
"""A case that no guest can run is a skip with a reason in every report, and is not sent to a guest."""

from pathlib import Path

import pytest

from tests.guest.conftest import Lazymmu

SKIPPED = """\
description: x
personality: s390x
vary: {n: [1, 2]}
steps: [flush, enable, repeat: {times: $n, steps: [sleep: 0]}]
"""
PASSED = "description: x\npersonality: s390x\nsteps: [sleep: 0, fork: child, switch: child, enable]\n"
REASON = "comes to sleep (step 2) with preemption off"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three scenarios, the second of which runs on s390x's personality."""
    for name, text in (("a", SKIPPED), ("b", PASSED), ("c", SKIPPED)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_every_report_has_the_skips(lazymmu: Lazymmu, folder: Path) -> None:
    flags = ("--arch", "arm64", "--api", "merged", "--out", str(folder / "out"))
    done, document = lazymmu.run(str(folder), *flags, "--junit", str(folder / "j.xml"), "--ktap", str(folder / "k"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"] == {"pass": 1, "fail": 0, "error": 0, "skip": 4}
    ends = [(r["outcome"], r["reason"], r["predicted"] is None, r["observed"] is None) for r in document["results"]]
    skip = ("skip", REASON, True, True)
    assert ends == [skip, skip, ("pass", "", False, False), skip, skip]
    assert {result["personality"] for result in document["results"]} == {"s390x"}
    assert (folder / "k").read_text().count(f"# SKIP {REASON}") == 4
    assert (folder / "j.xml").read_text().count(f'<skipped message="{REASON}"') == 4
    assert f"{folder}/a.yaml:4:52: sleep" in done.stdout
    console = (folder / "out" / "guests" / "arm64-1.console.log").read_text()
    assert console.count("lazymmu-agent: run ") == 1


def test_a_run_with_only_skips_starts_no_guest_and_does_not_pass(lazymmu: Lazymmu, folder: Path) -> None:
    out = folder / "out"
    done, document = lazymmu.run(str(folder / "a.yaml"), "--arch", "s390x", "--out", str(out))
    assert done.returncode == 2, done.stdout + done.stderr
    assert document["summary"] == {"pass": 0, "fail": 0, "error": 0, "skip": 4}
    assert list((out / "guests").iterdir()) == []
