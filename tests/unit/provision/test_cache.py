# SPDX-License-Identifier: GPL-2.0-only
"""A cache entry is complete or missing, and however many processes ask for it, one makes it."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from lazymmu.provision import checksum
from lazymmu.provision.cache import Cache, digest_files, whole
from lazymmu.provision.keys import digest
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError


class Recorded(Progress):
    """Progress that records its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: SimpleQueue[str] = SimpleQueue()

    def say(self, text: str) -> None:
        self.lines.put(text)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Recorded())


def lines(cache: Cache) -> list[str]:
    """Return the lines that were printed since the last call."""
    assert isinstance(cache.progress, Recorded)
    found = []
    while not cache.progress.lines.empty():
        found.append(cache.progress.lines.get())
    return found


def made(cache: Cache, built: list[str]) -> Path:
    """Obtain an entry, and note in `built` if that makes it."""

    def build(path: Path) -> None:
        built.append("once")
        (path.parent / "scratch").touch()
        path.write_bytes(b"whole" * 4096)

    return cache.obtain(cache.root / "things" / "one", "thing", build)


def test_a_file_has_its_checksum_beside_it_which_sha256sum_can_check_and_a_folder_has_none(cache: Cache) -> None:
    target = made(cache, [])
    assert sorted(target.parent.iterdir()) == [target, checksum.beside(target)]
    subprocess.run(["sha256sum", "-c", checksum.beside(target).name], cwd=target.parent, check=True)
    folder = cache.obtain(cache.root / "others" / "one", "thing", lambda path: path.mkdir())
    assert list(folder.parent.iterdir()) == [folder]


def test_a_full_disk_in_the_words_of_a_tool_is_one_error_with_the_way_out(cache: Cache) -> None:
    def fill(_: Path) -> None:
        cache.tools.run(["sh", "-c", "echo x: No space left on device >&2; exit 1"], what="fill")

    with pytest.raises(SetupError, match=rf"no space left in {cache.root}/things: .*\n.*lazymmu clean.* folder for it"):
        cache.obtain(cache.root / "things" / "one", "thing", fill)


def test_a_build_that_fails_or_is_interrupted_leaves_nothing(cache: Cache) -> None:
    target = cache.root / "things" / "one"

    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        if not cache.tools.stopped.is_set():
            raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        cache.obtain(target, "thing", build)
    cache.tools.stop()
    with pytest.raises(SetupError, match="interrupted"):
        cache.obtain(target, "thing", build)
    assert list(target.parent.iterdir()) == []


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flipped, lambda data: data[:-1], lambda data: bytes(len(data)), lambda _: b""],
    ids=["a bit", "cut short", "zeros", "empty"],
)
def test_a_damaged_entry_is_made_again_once(cache: Cache, damage: Callable[[bytes], bytes]) -> None:
    built: list[str] = []
    target = made(cache, built)
    content = target.read_bytes()
    assert lines(cache) == []
    target.write_bytes(damage(content))
    for _ in range(2):
        assert made(cache, built).read_bytes() == content
    assert len(built) == 2
    (line,) = lines(cache)
    assert line.startswith(f"{target} is damaged: ") and line.endswith("the thing is made again")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"\xff")])
def test_an_entry_without_a_usable_checksum_is_made_again(cache: Cache, spoil: Callable[[Path], object]) -> None:
    built: list[str] = []
    spoil(checksum.beside(made(cache, built)))
    made(cache, built)
    made(cache, built)
    assert len(built) == 2


def test_a_glance_reads_an_entry_once_in_a_boot_of_the_host(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made(cache, [])
    content = target.read_bytes()
    target.write_bytes(content[:-1])
    assert not whole(target, checksum.glance)
    target.write_bytes(flipped(content))
    assert whole(target, checksum.glance)
    (tmp_path / "boot").write_text("another boot")
    monkeypatch.setattr(checksum, "_BOOT_ID", tmp_path / "boot")
    assert not whole(target, checksum.glance)
    target.write_bytes(content)
    assert whole(target, checksum.glance)
    target.write_bytes(flipped(content))
    assert whole(target, checksum.glance)


def test_a_sweep_removes_what_a_killed_process_left_and_nothing_that_a_live_one_makes(cache: Cache) -> None:
    for name in ("things/dead", "things/alive", "roots/x/lazymmu/modules/dead.ko"):
        (cache.root / f"{name}.0123abcd.partial").mkdir(parents=True)
    with cache.locked(cache.root / "things" / "alive", "thing"):
        Cache(cache.root, Progress()).sweep()
    assert [path.name for path in cache.root.rglob("*.partial")] == ["alive.0123abcd.partial"]
    cache.sweep()
    assert list(cache.root.rglob("*.partial")) == []


def test_of_two_at_the_same_time_one_builds_and_an_interrupt_ends_the_wait_of_the_other(cache: Cache) -> None:
    others = [Cache(cache.root, Recorded()) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        built: list[str] = []

        def build(path: Path) -> None:
            waiting = [pool.submit(made, other, built) for other in others]
            for other in others:
                assert isinstance(other.progress, Recorded)
                assert "waiting for another" in other.progress.lines.get(timeout=60)
            others[0].tools.stop()
            with pytest.raises(SetupError, match="thing: interrupted"):
                waiting[0].result(5)
            path.write_text("whole")

        target = cache.obtain(cache.root / "things" / "one", "thing", build)
    assert built == [] and target.read_text() == "whole"


def test_a_key_depends_on_where_a_part_ends_and_a_folders_on_names_and_contents(tmp_path: Path) -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    (tmp_path / "a").write_text("1")
    keys = [digest_files(tmp_path)]
    (tmp_path / "a").rename(tmp_path / "b")
    keys.append(digest_files(tmp_path))
    for name in ("b", "below/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("2")
        keys.append(digest_files(tmp_path))
    assert len({*keys}) == 4
    # Editors lock a file with such a link.
    (tmp_path / "below" / ".#b").symlink_to("nowhere")
    assert digest_files(tmp_path) == keys[-1]
