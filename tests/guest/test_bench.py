# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu bench` on a real guest: every figure is there and above 0, and none is of a wrong verdict."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.bench.measure import BARE, BOOT, OBVIOUS, RATIOS, RESTORE, ROWS, STEPS

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu


@pytest.mark.exhaustive
def test_every_figure_is_measured(lazymmu: Lazymmu, tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    done = lazymmu("bench", "--arch", "arm64", "--repetitions", "1", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| | arm64 |" in done.stdout.splitlines()
    document = json.loads(path.read_text())
    found = {figure["name"]: figure["median"] for figure in document["figures"]}
    assert list(found) == list(ROWS)
    assert all(value > 0 for value in found.values())
    # These hold on a busy machine, too.
    assert found[BARE] < found[BOOT]
    assert found[RESTORE] < found[BOOT]
    assert found[STEPS] > 20 * found[OBVIOUS]
    assert [ratio["name"] for ratio in document["ratios"]] == list(RATIOS)
    # The state folder has the document for `history`.
    done = lazymmu("history", "--json", "-")
    trends = json.loads(done.stdout)["trends"]
    assert {one["points"][0][1] for one in trends if one["kind"] == "bench"} >= {*found.values()}


def test_nothing_is_measured_if_a_verdict_is_wrong(broken: Callable[..., Lazymmu]) -> None:
    lying = broken(at_start_of("lmm_arch_enter", "run->counters[LMM_ARCH_ENTER]++;"))
    done = lying("bench", "--arch", "x86_64", "--repetitions", "1")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not pass, so nothing is measured" in done.stderr
