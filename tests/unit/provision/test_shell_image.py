# SPDX-License-Identifier: GPL-2.0-only
"""The shell for guests is used if it is in the cache and undamaged, and fetched only if that is allowed."""

from pathlib import Path

import pytest
from lazymmu.provision import shell_image, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Progress())


@pytest.fixture
def program(cache: Cache) -> Path:
    """The shell of one architecture, as a fetch leaves it."""
    path = tool_root.path(cache) / "lazymmu/shells" / "busybox-static_1%3a1.37.0-6_arm64"

    def build(target: Path) -> None:
        target.write_bytes(b"a program")

    return cache.obtain(path, "busybox", build)


def test_a_shell_in_the_cache_is_used_without_a_network(cache: Cache, program: Path) -> None:
    assert shell_image.busybox(cache, ["arm64"], offline=True) == {"arm64": program}
    assert [entry.path for entry in CacheContents.read(cache).entries["shells"]] == [program]


def test_a_missing_or_damaged_shell_is_not_fetched_offline(cache: Cache, program: Path) -> None:
    with pytest.raises(SetupError, match="--offline"):
        shell_image.busybox(cache, ["arm64", "s390x"], offline=True)
    program.write_bytes(b"a programm")
    with pytest.raises(SetupError, match="--offline"):
        shell_image.busybox(cache, ["arm64"], offline=True)


def test_the_name_of_an_archive_depends_on_its_files(cache: Cache) -> None:
    def archive(**files: bytes) -> Path:
        return shell_image.archive(cache, tool_root.path(cache), "arm64", files)

    first = archive(init=b"#!/bin/sh\n", program=b"x")
    assert archive(init=b"#!/bin/sh\n", program=b"x") == first
    assert archive(init=b"#!/bin/sh\n", program=b"y") != first
    content = first.read_bytes()
    assert content.startswith(b"070701") and b"TRAILER!!!" in content[-200:]
    assert b"#!/bin/sh\n" in content
