# SPDX-License-Identifier: GPL-2.0-only
"""A run that is interrupted, or that a disk refuses, leaves nothing half done and prints one error."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.disks import read_only
from tests.guest.processes import wait_for_marked
from tests.soak.interrupts import Playground, soak


@pytest.fixture
def playground(tmp_path: Path) -> Playground:
    return Playground(tmp_path / "playground")


@pytest.mark.exhaustive
def test_random_moments(tmp_path: Path, everyday_or_all: Callable[[int, int], int]) -> None:
    mistakes: list[str] = []
    assert soak(tmp_path / "playground", everyday_or_all(2, 100), seed=1, say=mistakes.append) == [], mistakes


@pytest.mark.exhaustive
def test_an_interrupt_ends_a_module_build(playground: Playground) -> None:
    playground.forget_builds()
    with subprocess.Popen(
        playground.command(), env=playground.environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        wait_for_marked(str(playground.folder), "make")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert playground.left() == []
    assert playground.partials() == []
    assert playground.run().returncode == 0


def limited(playground: Playground, prefix: Sequence[str], *flags: str) -> tuple[int, str]:
    """Run on one architecture, after a prefix that limits a disk; return the status and all output."""
    done = subprocess.run(
        [*prefix, *playground.command(["s390x"]), *flags],
        env=playground.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=playground.folder,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def test_a_warm_cache_need_not_be_writable(playground: Playground) -> None:
    # Makes what the cache lacks, if anything.
    assert limited(playground, ["env"])[0] == 0
    status, output = limited(playground, read_only(playground.cache.parent))
    assert (status, "2 pass" in output) == (0, True), output


def test_a_read_only_cache_without_the_module_is_one_error(playground: Playground) -> None:
    playground.forget_builds()
    status, output = limited(playground, read_only(playground.cache.parent))
    assert status == 3, output
    assert f"{playground.cache} cannot be written: Read-only file system" in output
    # The second unit has the same error, which is not repeated.
    assert output.count("XDG_CACHE_HOME") == 1, output
