# SPDX-License-Identifier: GPL-2.0-only
"""A cache entry is whole or not there, and is made once however many ask for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest
from lazymmu.provision import checksum
from lazymmu.provision.cache import Cache, digest, digest_files
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError
from lazymmu.support.project import ROOT

from tests.disks import read_only, small, without_privileges


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Progress())


def test_a_build_that_fails_leaves_nothing(cache: Cache) -> None:
    target = cache.root / "things" / "one"

    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        (path.parent / "scratch").write_text("x")
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        cache.obtain(target, "thing", build)
    assert list(target.parent.iterdir()) == []


def test_what_a_build_leaves_beside_its_entry_goes(cache: Cache) -> None:
    target = cache.root / "things" / "one"

    def build(path: Path) -> None:
        (path.parent / "scratch").write_text("x")
        path.write_text("whole")

    assert cache.obtain(target, "thing", build).read_text() == "whole"
    assert sorted(target.parent.iterdir()) == [target, checksum.beside(target)]


class Told(Progress):
    """Progress that hands on what it is told; of what a stream captures, a part may be read away."""

    def __init__(self) -> None:
        super().__init__()
        self.said: SimpleQueue[str] = SimpleQueue()

    def say(self, text: str) -> None:
        self.said.put(text)


def made(cache: Cache, built: list[str], name: str = "one") -> Path:
    """Obtain an entry, noting in `built` when that makes it."""

    def build(path: Path) -> None:
        built.append(name)
        path.write_bytes(b"whole" * 4096)

    return cache.obtain(cache.root / "things" / name, "thing", build)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flipped, lambda data: data[:-1], lambda data: bytes(len(data)), lambda _: b""],
    ids=["a bit", "cut short", "zeros", "empty"],
)
def test_a_damaged_entry_is_made_anew_once_and_this_is_said(
    cache: Cache, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
) -> None:
    built: list[str] = []
    target = made(cache, built)
    whole = target.read_bytes()
    assert not capsys.readouterr().err
    target.write_bytes(damage(whole))
    for _ in range(2):
        assert made(cache, built).read_bytes() == whole
    assert built == ["one", "one"]
    said = capsys.readouterr().err
    assert said.count(f"{target} is damaged: ") == said.count("the thing is made again") == 1


def test_what_an_earlier_version_left_without_a_digest_is_made_anew(cache: Cache) -> None:
    built: list[str] = []
    checksum.beside(made(cache, built)).unlink()
    made(cache, built)
    made(cache, built)
    assert built == ["one", "one"]


def test_a_damaged_digest_costs_a_build_and_no_more(cache: Cache) -> None:
    built: list[str] = []
    checksum.beside(made(cache, built)).write_bytes(b"\xff")
    made(cache, built)
    made(cache, built)
    assert built == ["one", "one"]


def test_a_digest_is_one_for_sha256sum(cache: Cache) -> None:
    target = made(cache, [])
    subprocess.run(["sha256sum", "-c", checksum.beside(target).name], cwd=target.parent, check=True)


HOLED = b"\0" * 4096 * 300 + b"one" + b"\0" * 4096 * 600 + b"two" * 4096 + b"\0" * 5000


def holed(cache: Cache, content: bytes = HOLED) -> Path:
    """Make an entry of which only the blocks that hold something are on the disk."""

    def build(target: Path) -> None:
        with target.open("wb") as file:
            for offset in range(0, len(content), 4096):
                block = content[offset : offset + 4096]
                if any(block):
                    file.seek(offset)
                    file.write(block)
            file.truncate(len(content))

    return cache.obtain(cache.root / "things" / "holed", "thing", build)


def test_a_file_with_holes_has_the_digest_of_what_is_in_it_wherever_its_holes_are(cache: Cache) -> None:
    target = holed(cache)
    assert target.stat().st_blocks * 512 < len(HOLED)
    assert "behind its number" in checksum.beside(target).read_text()
    assert checksum.mismatch(target) is None
    target.write_bytes(HOLED)
    assert target.stat().st_blocks * 512 >= len(HOLED)
    assert checksum.mismatch(target) is None


def test_a_hole_that_ends_within_a_block_is_no_trouble(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    target = holed(cache)
    seek, ends = os.lseek, [0x1400, 0x2400]

    def of_small_blocks(file: int, offset: int, whence: int) -> int:
        """Answer as a file system with blocks of 1 KB, on which data stands between these two offsets."""
        if whence == os.SEEK_DATA and offset < ends[1]:
            return max(offset, ends[0])
        if whence == os.SEEK_HOLE and offset < ends[1]:
            return ends[1] if offset >= ends[0] else offset
        return seek(file, offset, whence)

    monkeypatch.setattr(os, "lseek", of_small_blocks)
    assert checksum.mismatch(target) is None


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(HOLED[:-1], id="shorter by a byte of a hole"),
        pytest.param(HOLED + bytes(4096), id="longer by a hole"),
        pytest.param(HOLED[:5000] + b"x" + HOLED[5001:], id="something in a hole"),
        pytest.param(HOLED[:-1] + b"x", id="something at the end"),
        pytest.param(HOLED.replace(b"one", b"onf"), id="a byte changed"),
        pytest.param(HOLED.replace(b"one", bytes(3)), id="a block emptied"),
        pytest.param(HOLED[4096:] + HOLED[:4096], id="a block further"),
    ],
)
def test_a_file_with_holes_that_is_another_is_damaged(cache: Cache, damaged: bytes) -> None:
    target = holed(cache)
    with target.open("r+b") as file:
        file.write(damaged)
        file.truncate(len(damaged))
    assert checksum.mismatch(target)


def test_a_rebuild_that_fails_leaves_the_entry_damaged(cache: Cache) -> None:
    target = made(cache, [])
    target.write_bytes(b"x")

    def build(_: Path) -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        cache.obtain(target, "thing", build)
    assert checksum.mismatch(target)


def test_a_folder_is_an_entry_without_a_digest(cache: Cache) -> None:
    target = cache.obtain(cache.root / "things" / "one", "thing", lambda path: path.mkdir())
    assert list(target.parent.iterdir()) == [target]


def test_what_a_killed_process_left_goes_and_what_a_live_one_makes_stays(cache: Cache) -> None:
    for name in ("things/dead", "things/alive", "roots/x/lazymmu/modules/dead.ko"):
        (cache.root / f"{name}.0123abcd.partial").mkdir(parents=True)
    with cache.locked(cache.root / "things" / "alive", "thing"):
        Cache(cache.root, Progress()).sweep()
    assert [path.name for path in cache.root.rglob("*.partial")] == ["alive.0123abcd.partial"]
    cache.sweep()
    assert list(cache.root.rglob("*.partial")) == []


def test_a_dead_process_holds_no_lock(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    target = cache.root / "things" / "one"
    code = (
        "import os, sys; from pathlib import Path; from lazymmu.provision.cache import Cache; "
        "from lazymmu.provision.progress import Progress; "
        "cache = Cache(Path(sys.argv[1]), Progress()); "
        "cache.obtain(Path(sys.argv[2]), 'thing', lambda path: os.kill(os.getpid(), 9))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(cache.root), str(target)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(target.parent.glob("one.*.partial"))) == 1
    cache.obtain(target, "thing", lambda path: void(path.write_text("whole")))
    assert "waiting" not in capsys.readouterr().err


def test_an_interrupt_ends_the_wait_for_anothers_lock(cache: Cache) -> None:
    target = cache.root / "things" / "one"
    told = Told()
    second, errors = Cache(cache.root, told), []

    def wait() -> None:
        with pytest.raises(SetupError) as caught:
            second.obtain(target, "thing", lambda path: void(path.write_text("x")))
        errors.append(str(caught.value))

    with cache.locked(target, "thing"):
        thread = threading.Thread(target=wait)
        thread.start()
        assert "waiting for another" in told.said.get(timeout=60)
        second.tools.stop()
        thread.join(5)
        assert not thread.is_alive()
    assert errors == ["thing: interrupted"]
    assert not target.exists()


def test_what_was_made_while_the_interrupt_came_is_not_an_entry(cache: Cache) -> None:
    target = cache.root / "things" / "one"

    def build(path: Path) -> None:
        cache.tools.stop()
        path.write_text("the guest of this trial was just killed")

    with pytest.raises(SetupError, match="interrupted"):
        cache.obtain(target, "thing", build)
    assert list(target.parent.iterdir()) == []


FILL = {
    "a tool": "cache.tools.run(['sh', '-c', 'cat /dev/zero >\"$0\"', str(path)], what='fill')",
    "python": "path.write_bytes(bytes(4 << 20))",
}


@pytest.mark.parametrize("writer", FILL)
def test_a_disk_that_gets_full_is_one_error_and_leaves_nothing(tmp_path: Path, writer: str) -> None:
    done = in_python(small(tmp_path, "1m"), tmp_path, FILL[writer])
    folder = tmp_path / "cache" / "things"
    for text in (f"no space left in {folder}: ", "free space there", "lazymmu clean", "XDG_CACHE_HOME"):
        assert text in done.stdout
    assert "left: nothing" in done.stdout


def test_a_disk_that_is_too_small_is_told_before_the_work(tmp_path: Path) -> None:
    done = in_python(small(tmp_path, "1m"), tmp_path, "print('begun')", needs=5_000_000)
    assert "about 5 MB are needed, 1 MB are free" in done.stdout
    assert "begun" not in done.stdout


def test_a_read_only_cache_names_itself_and_the_way_out(tmp_path: Path) -> None:
    done = in_python(read_only(tmp_path), tmp_path, "path.write_text('x')")
    assert f"{tmp_path / 'cache'} cannot be written: Read-only file system" in done.stdout
    assert "XDG_CACHE_HOME" in done.stdout


def test_a_cache_of_somebody_else_names_itself_and_the_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = in_python(without_privileges(), tmp_path, "path.write_text('x')")
    assert f"{tmp_path / 'cache'} cannot be written: Permission denied" in done.stdout


def in_python(prefix: Sequence[str], folder: Path, build: str, *, needs: int = 0) -> subprocess.CompletedProcess[str]:
    """Obtain an entry in a process of its own; it prints the SetupError and what it left."""
    code = f"""
import sys
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
    return subprocess.run(
        [*prefix, sys.executable, "-B", "-c", code, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )


def void(_: object) -> None:
    """Drop a value."""


def test_two_at_the_same_time_build_once_and_the_second_says_that_it_waits(cache: Cache) -> None:
    target = cache.root / "things" / "one"
    told = Told()
    begun, go_on = threading.Event(), threading.Event()
    built: list[str] = []

    def build(path: Path) -> None:
        begun.set()
        go_on.wait(10)
        built.append("x")
        path.write_text("whole")

    first = threading.Thread(target=cache.obtain, args=(target, "thing", build))
    first.start()
    begun.wait(10)
    second = threading.Thread(target=Cache(cache.root, told).obtain, args=(target, "thing", build))
    second.start()
    assert "waiting for another" in told.said.get(timeout=60)
    go_on.set()
    first.join()
    second.join()
    assert built == ["x"]


def test_a_key_tells_where_one_part_ends() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_a_folders_key_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = digest_files(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = digest_files(tmp_path)
    (tmp_path / "b").write_text("2")
    third = digest_files(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_text("2")
    fourth = digest_files(tmp_path)
    assert len({first, second, third, fourth}) == 4
    # As an editor locks a file.
    (tmp_path / "below" / ".#b").symlink_to("nowhere")
    assert digest_files(tmp_path) == fourth
