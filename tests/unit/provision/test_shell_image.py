# SPDX-License-Identifier: GPL-2.0-only
"""The shell for guests: used when it is there whole, fetched never where that is forbidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lazymmu.provision import shell_image, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError

VERSION = "1:1.37.0-6"
NAME = "busybox-static_1%3a1.37.0-6_arm64"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache with the shell of one architecture, as a fetch leaves it."""
    cache = Cache(tmp_path / "cache", Progress())

    def build(target: Path) -> None:
        target.write_bytes(b"a program")

    cache.obtain(root(cache) / "lazymmu/shells" / NAME, "busybox", build)
    shell_image.lock_file(cache).parent.mkdir()
    shell_image.lock_file(cache).write_text(json.dumps({"arm64": VERSION}))
    return cache


def root(cache: Cache) -> Path:
    return tool_root.path(cache)


def test_what_is_there_is_used_without_a_network(cache: Cache) -> None:
    found = shell_image.busybox(cache, ["arm64"], offline=True)
    assert {arch: path.read_bytes() for arch, path in found.items()} == {"arm64": b"a program"}


@pytest.mark.parametrize("what", ["not locked", "not there", "damaged"])
def test_what_is_not_there_whole_is_not_fetched_offline(cache: Cache, what: str) -> None:
    if what == "not locked":
        shell_image.lock_file(cache).unlink()
    elif what == "not there":
        (root(cache) / "lazymmu/shells" / NAME).unlink()
    else:
        (root(cache) / "lazymmu/shells" / NAME).write_bytes(b"a programm")
    with pytest.raises(SetupError, match="--offline"):
        shell_image.busybox(cache, ["arm64"], offline=True)


def test_a_damaged_list_of_versions_is_told_with_the_command_that_removes_it(cache: Cache) -> None:
    shell_image.lock_file(cache).write_text("[1]")
    with pytest.raises(SetupError, match="is damaged") as told:
        shell_image.busybox(cache, ["arm64"])
    assert told.value.hint == f"remove it: rm {shell_image.lock_file(cache)}"


def test_the_contents_of_the_cache_have_the_program_and_its_version(cache: Cache) -> None:
    stock = CacheContents.read(cache)
    assert [entry.path.name for entry in stock.entries["shells"]] == [NAME]
    assert [entry.path.name for entry in stock.entries["versions"]] == ["busybox.json"]


def test_the_same_files_are_the_same_archive_and_others_another(cache: Cache) -> None:
    def archive(**files: bytes) -> Path:
        return shell_image.archive(cache, root(cache), "arm64", files)

    first = archive(init=b"#!/bin/sh\n", program=b"x")
    assert archive(init=b"#!/bin/sh\n", program=b"x") == first
    assert archive(init=b"#!/bin/sh\n", program=b"y") != first
    content = first.read_bytes()
    assert content.startswith(b"070701") and b"TRAILER!!!" in content[-200:]
    assert b"#!/bin/sh\n" in content
