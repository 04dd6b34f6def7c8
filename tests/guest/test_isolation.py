# SPDX-License-Identifier: GPL-2.0-only
"""What units share: one guest, or each a guest of its own; and what a guest that is lost costs the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

# What the log of a guest's channel has that got a program.
_GOT = "> lazymmu-program "
# What only a boot prints.
_BOOTED = "Linux version "


def consoles(folder: Path) -> list[str]:
    """Return what each guest of a run printed that got a program; those that are saved as snapshots get none."""
    channels = sorted((folder / "guests").glob("*.channel.log"))
    return [
        channel.with_name(channel.name.replace(".channel.", ".console.")).read_text(errors="replace")
        for channel in channels
        if _GOT in channel.read_text(errors="replace")
    ]


@pytest.mark.parametrize(
    ("flags", "guests", "booted"),
    [
        ((), 1, 0),
        pytest.param(("--isolation", "shared"), 1, 0, marks=pytest.mark.exhaustive),
        (("--isolation", "scenario"), 3, 0),
        pytest.param(("--isolation", "boot"), 3, 3, marks=pytest.mark.exhaustive),
        pytest.param(("--fresh-boot",), 1, 1, marks=pytest.mark.exhaustive),
        pytest.param(("--isolation", "scenario", "--fresh-boot"), 3, 3, marks=pytest.mark.exhaustive),
    ],
)
def test_units_share_a_guest_or_have_their_own(
    lazymmu: Lazymmu, tmp_path: Path, flags: tuple[str, ...], guests: int, booted: int
) -> None:
    folder = write(tmp_path / "given", a=PLAIN, b=FLUSH, c=PLAIN)
    arguments = (folder, "--api", "merged", "--arch", "s390x", "--out", str(tmp_path / "out"), *flags)
    done, document = lazymmu.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] == 3
    told = consoles(tmp_path / "out")
    assert len(told) == guests
    assert sum(_BOOTED in console for console in told) == booted


def test_of_many_programs_that_were_sent_ahead_the_one_that_killed_the_guest_is_named(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    panicking = broken(at_start_of("lmm_arch_flush", 'panic("on purpose");'))
    texts = {f"s{number:02}": FLUSH if number in (7, 20) else PLAIN for number in range(30)}
    done, document = panicking.run(write(tmp_path / "given", **texts), "--api", "merged")
    assert done.returncode == 3, done.stdout + done.stderr
    assert document["summary"] == {"pass": 84, "fail": 0, "error": 6, "skip": 0}
    for result in document["results"]:
        struck = result["scenario"].endswith(("s07", "s20"))
        assert result["outcome"] == ("error" if struck else "pass"), result["scenario"]
        assert ("kernel panic: on purpose" in result["reason"]) == struck


def test_a_run_that_leaves_something_behind_is_an_error_and_the_next_gets_a_fresh_guest(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    leaking = broken(at_start_of("lmm_arch_flush", "live_threads++;"))
    folder = write(tmp_path / "given", a=PLAIN, b=FLUSH, c=PLAIN, d=PLAIN)
    out = tmp_path / "out"
    done, document = leaking.run(folder, "--api", "merged", "--arch", "arm64", "--out", str(out))
    assert done.returncode == 3, done.stdout + done.stderr
    assert [result["outcome"] for result in document["results"]] == ["pass", "error", "pass", "pass"]
    assert "left something behind" in document["results"][1]["reason"]
    assert len(consoles(out)) == 2


def test_what_a_kernel_says_after_the_last_unit_counts(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    tainting = broken(at_start_of("lmm_arch_flush", "add_taint(TAINT_WARN, LOCKDEP_STILL_OK);"))
    folder = write(tmp_path / "given", a=FLUSH)
    done, document = tainting.run(folder, "--api", "merged", "--arch", "x86_64")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "tainted" in document["results"][0]["reason"]


def test_jobs_bounds_the_guests_at_one_time(lazymmu: Lazymmu, tmp_path: Path) -> None:
    for jobs, names in (("1", {"arm64", "s390x", "x86_64"}), ("4", {"arm64", "arm64 #2", "s390x", "x86_64"})):
        path = tmp_path / f"{jobs}.json"
        out = tmp_path / jobs
        many = "description: x\nvary: {times: [1, 2]}\nsteps: [repeat: {times: $times, steps: [enable, disable]}]\n"
        folder = write(tmp_path / f"given{jobs}", many=many)
        done = lazymmu(
            *(
                "run",
                folder,
                "--repeat",
                "45",
                "--api",
                "merged",
                "--jobs",
                jobs,
                "--json",
                str(path),
                "--out",
                str(out),
            )
        )
        assert done.returncode == 0, done.stdout + done.stderr
        document = json.loads(path.read_text())
        assert document["summary"]["pass"] == 2 * 45 * 3
        assert len(consoles(out)) == len(names)
        assert outcomes(document, "many") == {(arch, "pass") for arch in ("arm64", "s390x", "x86_64")}
