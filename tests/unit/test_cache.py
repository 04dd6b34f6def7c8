# SPDX-License-Identifier: GPL-2.0-only
"""A cache entry is whole or not there, and is made once however many ask for it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.images.cache import Cache, digest, digest_files
from harness.images.progress import Progress


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Progress())


def test_a_build_that_fails_leaves_nothing(cache: Cache) -> None:
    target = cache.root / "things" / "one"

    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.obtain(target, "thing", build)
    assert list(target.parent.iterdir()) == []


def test_what_a_killed_process_left_is_not_taken_for_an_entry(cache: Cache) -> None:
    target = cache.root / "things" / "one"
    target.parent.mkdir(parents=True)
    (target.parent / "one.1.partial").write_text("half")
    assert cache.obtain(target, "thing", lambda path: void(path.write_text("whole"))).read_text() == "whole"
    assert [path.name for path in target.parent.iterdir()] == ["one"]


def void(_: object) -> None:
    """Drop a value."""


def test_two_at_the_same_time_build_once_and_the_second_says_that_it_waits(
    cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    target = cache.root / "things" / "one"
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
    second = threading.Thread(target=cache.obtain, args=(target, "thing", build))
    second.start()
    while "waiting for another" not in capsys.readouterr().err:
        assert second.is_alive()
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
    assert len({first, second, digest_files(tmp_path)}) == 3
