# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu bench` on a real guest: every figure is there and above 0, and none is of a wrong answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lazymmu.bench.measure import BARE, BOOT, OBVIOUS, RATIOS, RESTORE, ROWS, STEPS

from tests.guest.conftest import Lazymmu


def test_every_figure_is_measured_and_shown(lazymmu: Lazymmu, tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    done = lazymmu("bench", "--arch", "arm64", "--repetitions", "1", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| | arm64 |" in done.stdout.splitlines()
    document = json.loads(path.read_text())
    found = {figure["name"]: figure["median"] for figure in document["figures"]}
    assert list(found) == [row.name for row in ROWS]
    assert all(value > 0 for value in found.values())
    # What holds on a busy machine, too.
    assert found[BARE] < found[BOOT]
    assert found[RESTORE] < found[BOOT]
    assert found[STEPS] > 20 * found[OBVIOUS]
    assert [ratio["name"] for ratio in document["ratios"]] == [ratio.name for ratio in RATIOS]


def test_a_module_that_lies_is_not_measured(broken: Callable[..., Lazymmu]) -> None:
    lying = broken(
        {
            "guest/module/hook.c": (
                "call_hook(run, LMM_ARCH_ENTER, 'e');",
                "call_hook(run, LMM_ARCH_ENTER, 'e');\n\trun->counters[LMM_ARCH_ENTER]++;",
            )
        }
    )
    done = lying("bench", "--arch", "x86_64", "--repetitions", "1")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not pass, so nothing is measured" in done.stderr
