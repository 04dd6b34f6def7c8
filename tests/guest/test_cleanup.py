# SPDX-License-Identifier: GPL-2.0-only
"""However a command is ended, and whatever a disk refuses: nothing half done is left, and one error tells it."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.disks import read_only, small, without_privileges
from tests.guest.conftest import Lazymmu
from tests.guest.processes import wait_for_marked
from tests.soak.interrupts import SIGNALS, Playground, left_behind, soak

# Each takes the time of a run.
EVERYDAY, ALL = 2, 100


@pytest.fixture
def playground(tmp_path: Path) -> Playground:
    return Playground(tmp_path / "playground")


@pytest.mark.exhaustive
def test_random_moments(tmp_path: Path, everyday_or_all: Callable[[int, int], int]) -> None:
    told: list[str] = []
    assert soak(tmp_path / "playground", everyday_or_all(EVERYDAY, ALL), seed=1, say=told.append) == [], told


@pytest.mark.parametrize("number", SIGNALS)
def test_a_set_up_that_waits_for_its_mirror_ends_at_once_and_leaves_nothing(
    lazymmu: Lazymmu, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "cache"
    (tmp_path / "tmp").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as mirror:
        mirror.settimeout(60)
        environment = {
            "XDG_CACHE_HOME": str(folder),
            "TMPDIR": str(tmp_path / "tmp"),
            "LAZYMMU_MIRROR": f"http://127.0.0.1:{mirror.getsockname()[1]}/debian",
            "no_proxy": "127.0.0.1",
        }
        command = ["env", "--default-signal=INT", *lazymmu.command("setup")]
        with subprocess.Popen(
            command, env=lazymmu.environment(environment), stderr=subprocess.PIPE, text=True
        ) as process:
            # apt is there; it gets no answer.
            connection, _ = mirror.accept()
            begin = time.monotonic()
            process.send_signal(number)
            stderr = process.communicate(timeout=60)[1]
        connection.close()
    assert left_behind(folder, folder / "lazymmu", tmp_path / "tmp") == []
    assert time.monotonic() - begin < 3
    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
        # What is half made goes with the next run that reaches the cache.
        lazymmu("run", "--offline", "nesting/single", extra=environment)
    else:
        assert process.returncode == 130
        assert "interrupted" in stderr
        assert "Traceback" not in stderr
    assert [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    assert list(folder.rglob("*.partial")) == []


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


def limited(playground: Playground, prefix: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run on one architecture behind a prefix that limits a disk."""
    return subprocess.run(
        [*prefix, *playground.command(["s390x"])],
        env=playground.environment(),
        capture_output=True,
        text=True,
        check=False,
        cwd=playground.folder,
    )


def test_a_warm_cache_need_not_be_writable(playground: Playground) -> None:
    # What it lacks, if anything.
    assert limited(playground, ["env"]).returncode == 0
    done = limited(playground, read_only(playground.cache.parent))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 pass" in done.stdout


def test_a_read_only_cache_that_lacks_a_module_names_itself_and_the_way_out(playground: Playground) -> None:
    playground.forget_builds()
    done = limited(playground, read_only(playground.cache.parent))
    told = done.stdout + done.stderr
    assert done.returncode == 3, told
    assert f"{playground.cache} cannot be written: Read-only file system" in told
    # The second unit has the same error, and does not tell it again.
    assert told.count("XDG_CACHE_HOME") == 1, told
    assert "Traceback" not in told


def cold_set_up(lazymmu: Lazymmu, folder: Path, limit: Sequence[str]) -> str:
    """Set a cache up that is empty, where `limit` forbids it; return the one error."""
    done = subprocess.run(
        [*limit, *lazymmu.command("setup")],
        env=lazymmu.environment({"XDG_CACHE_HOME": str(folder)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    for text in (str(folder), "XDG_CACHE_HOME"):
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("limit", [read_only, lambda _: without_privileges()])
def test_a_cold_set_up_in_a_folder_that_cannot_be_written_is_one_error(
    lazymmu: Lazymmu, tmp_path: Path, limit: Callable[[Path], Sequence[str]]
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    told = cold_set_up(lazymmu, folder, limit(folder))
    assert told.count("cannot be written") == 1, told


def test_a_cold_set_up_on_a_small_disk_says_at_once_how_much_it_needs(lazymmu: Lazymmu, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    told = cold_set_up(lazymmu, folder, small(folder, "64m"))
    assert told.count("no space left in") == 1, told
    for text in (" MB are needed, 67 MB are free", "lazymmu clean"):
        assert text in told


@pytest.mark.exhaustive
def test_a_module_build_on_a_full_disk_is_an_error_that_names_the_place(playground: Playground) -> None:
    playground.forget_builds()
    (root,) = playground.cache.glob("roots/*/lazymmu")
    modules = root / "modules"
    modules.mkdir()
    done = limited(playground, small(modules, "1m"))
    told = done.stdout + done.stderr
    assert done.returncode == 3, told
    assert f"no space left in {modules}: about 16 MB are needed, 1 MB are free" in told
    assert told.count("lazymmu clean") == 1, told
    assert "Traceback" not in told
    assert limited(playground, ["env"]).returncode == 0


def test_a_full_disk_for_results_is_an_error_that_names_the_file(playground: Playground, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    target = folder / "run.json"
    show = '"$@"; status=$?; ls -A "$FOLDER"; exit $status'
    command = [*playground.command(["s390x"]), "--trace", "--json", str(target)]
    done = subprocess.run(
        # As much as a file needs to be there, and nothing for what stands in it.
        [*small(folder, "4k"), "env", f"FOLDER={folder}", "sh", "-c", show, "sh", *command],
        env=playground.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 3, told
    assert str(target) in done.stderr
    assert "No space left on device" in done.stderr or "no space left" in done.stderr
    assert "Traceback" not in told
    assert "run.json" not in done.stdout
