# SPDX-License-Identifier: GPL-2.0-only
"""Units share a guest or have their own, and a lost guest costs only the unit that lost it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

# The channel log of a guest that received a program has this.
_PROGRAM = "> lazymmu-program "
# Only a kernel that boots prints this.
_BOOTED = "Linux version "


def consoles(folder: Path) -> list[str]:
    """Return the console of each guest of a run that received a program, so of none that was only saved."""
    channels = sorted((folder / "guests").glob("*.channel.log"))
    return [
        channel.with_name(channel.name.replace(".channel.", ".console.")).read_text(errors="replace")
        for channel in channels
        if _PROGRAM in channel.read_text(errors="replace")
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
    folder, out = write(tmp_path / "given", a=PLAIN, b=FLUSH, c=PLAIN), tmp_path / "out"
    done, document = lazymmu.run(folder, "--api", "merged", "--arch", "s390x", "--out", str(out), *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] == 3
    texts = consoles(out)
    assert len(texts) == guests
    assert sum(_BOOTED in text for text in texts) == booted


def test_only_the_program_that_killed_the_guest_is_an_error_of_many_that_were_sent_ahead(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    panicking = broken(at_start_of("lmm_arch_flush", 'panic("on purpose");'))
    texts = {f"s{number:02}": FLUSH if number in (7, 20) else PLAIN for number in range(30)}
    # Two machines, so that causes are joined.
    flags = ("--api", "merged", "--arch", "arm64,s390x")
    done, document = panicking.run(write(tmp_path / "given", **texts), *flags)
    assert done.returncode == 3, done.stdout + done.stderr
    assert document["summary"] == {"pass": 56, "fail": 0, "error": 4, "skip": 0}
    for result in document["results"]:
        killed = result["scenario"].endswith(("s07", "s20"))
        assert result["outcome"] == ("error" if killed else "pass"), result["scenario"]
        assert ("the guest died: kernel panic: on purpose" in result["reason"]) == killed
        assert (result["observed"] is None) == killed
        assert (re.search(r"; last begun: step \d+ \w+ \(.*\.yaml:\d+:\d+\)$", result["reason"]) is not None) == killed
        assert ("step_place" in result) == killed
    # One cause, and one trace.
    assert done.stdout.count("Kernel panic - not syncing: on purpose") == 1
    assert "    see lmm_arch_flush() in guest/module/hook.c:" in done.stdout
    for text in ("last console lines:", "Kernel panic - not syncing: on purpose", "command line:", "qemu-system-"):
        assert text in done.stdout


def test_a_unit_whose_thread_never_ends_is_an_error_and_the_next_unit_gets_another_guest(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    leaking = broken(at_start_of("lmm_arch_flush", "live_threads++;"))
    folder, out = write(tmp_path / "given", a=PLAIN, b=FLUSH, c=PLAIN, d=PLAIN), tmp_path / "out"
    done, document = leaking.run(folder, "--api", "merged", "--arch", "arm64", "--out", str(out))
    assert done.returncode == 3, done.stdout + done.stderr
    assert [result["outcome"] for result in document["results"]] == ["pass", "error", "pass", "pass"]
    assert "left something behind" in document["results"][1]["reason"]
    assert len(consoles(out)) == 2


def test_a_taint_that_only_the_last_unit_leaves_is_an_error(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    tainting = broken(at_start_of("lmm_arch_flush", "add_taint(TAINT_WARN, LOCKDEP_STILL_OK);"))
    folder = write(tmp_path / "given", a=FLUSH)
    done, document = tainting.run(folder, "--api", "merged", "--arch", "x86_64")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "tainted" in document["results"][0]["reason"]


@pytest.mark.parametrize(("jobs", "guests"), [("1", 3), ("4", 4)])
def test_jobs_limits_the_guests_at_the_same_time(lazymmu: Lazymmu, tmp_path: Path, jobs: str, guests: int) -> None:
    many = "description: x\nvary: {times: [1, 2]}\nsteps: [repeat: {times: $times, steps: [enable, disable]}]\n"
    folder, out = write(tmp_path / "given", many=many), tmp_path / "out"
    flags = ("--repeat", "45", "--api", "merged", "--jobs", jobs, "--out", str(out))
    done, document = lazymmu.run(folder, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] == 2 * 45 * 3
    assert len(consoles(out)) == guests
    assert outcomes(document, "many") == {(arch, "pass") for arch in ARCHES}
