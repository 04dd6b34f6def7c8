# SPDX-License-Identifier: GPL-2.0-only
"""`run --retries` reports as flaky what fails and then passes in a fresh guest."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu

# Only the second section of a guest has a flush too many.
_ONCE = "static int calls; int bad __maybe_unused = calls++ == 1 ? (lmm_arch_flush(run), 1) : 0;"


def test_what_fails_once_is_flaky(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    lazymmu, out = broken(at_start_of("merged_enable", _ONCE)), tmp_path / "out"
    flags = ("--arch", "x86_64", "--api", "merged", "--impl", "module", "--repeat", "2", "--out", str(out))
    done = lazymmu("run", "nesting/single", *flags, "--retries", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 pass, 1 fail, 0 error, 0 skip (1 flaky) in " in done.stdout
    assert "    flaky: it failed, and passed when it ran again in a fresh guest\n" in done.stdout
    results = json.loads((out / "results.json").read_text())["results"]
    assert [(one["outcome"], one.get("flaky", False)) for one in results] == [("pass", False), ("fail", True)]
    assert any((out / "guests" / "retry-1").iterdir())
    assert not (out / "guests" / "retry-2").exists()
    assert [*json.loads((out / "run.json").read_text())["scenario_digests"]] == ["nesting/single"]
    done = lazymmu("history", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[1] == "flaky: 1"
    assert "    nesting/single merged on x86_64: did not pass in 1 of 2, last on " in done.stdout
    known = tmp_path / "known.yaml"
    known.write_text("- {scenario: nesting/single, flaky: true, reason: bug 7, expires: 2099-12-31}\n")
    done = lazymmu("run", "nesting/single", *flags, "--retries", "2", "--known", str(known))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 pass, 0 fail, 0 error, 0 skip, 1 known (1 flaky) in " in done.stdout
    assert lazymmu("run", "nesting/single", *flags, "--known", str(known)).returncode == 1
