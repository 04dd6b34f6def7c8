# SPDX-License-Identifier: GPL-2.0-only
"""A cache on disks that are full or cannot be written, and after a process that was killed."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.provision import checksum
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress

from tests.disks import small
from tests.unit import apart

CODE = """
import os, sys
from pathlib import Path
from lazymmu.support.errors import SetupError
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress

cache = Cache(Path(sys.argv[1]) / "cache", Progress())

def build(path):
    {build}

try:
    cache.obtain(cache.root / "things" / "one", "thing", build, needs={needs})
except SetupError as error:
    print(error)
    print("left:", [str(path) for path in cache.root.glob("things/**/*")] or "nothing")
"""
FILL = {
    "a tool": "cache.tools.run(['sh', '-c', 'cat /dev/zero >\"$0\"', str(path)], what='fill')",
    "python": "path.write_bytes(bytes(4 << 20))",
}


def obtain(prefix: Sequence[str], folder: Path, build: str, *, needs: int = 0) -> subprocess.CompletedProcess[str]:
    """Obtain an entry in a process of its own, which prints the SetupError and what is left."""
    return subprocess.run(
        [*prefix, sys.executable, "-B", "-c", CODE.format(build=build, needs=needs), str(folder)],
        env=apart.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("writer", FILL)
def test_a_disk_that_fills_up_is_one_error_and_nothing_is_left(tmp_path: Path, writer: str) -> None:
    done = obtain(small(tmp_path, "1m"), tmp_path, FILL[writer])
    folder = tmp_path / "cache" / "things"
    for text in (f"no space left in {folder}: ", "free space there", "lazymmu clean", "XDG_CACHE_HOME"):
        assert text in done.stdout
    assert "left: nothing" in done.stdout


def test_a_killed_process_holds_no_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert obtain([], tmp_path, "os.kill(os.getpid(), 9)").returncode == -signal.SIGKILL
    things = tmp_path / "cache" / "things"
    assert len(list(things.glob("one.*.partial"))) == 1
    Cache(tmp_path / "cache", Progress()).obtain(things / "one", "thing", lambda path: path.touch())
    assert "waiting" not in capsys.readouterr().err


def test_sha256sum_can_check_an_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", Progress())
    target = cache.obtain(cache.root / "things" / "one", "thing", lambda path: path.touch())
    subprocess.run(["sha256sum", "-c", checksum.beside(target).name], cwd=target.parent, check=True)
