# SPDX-License-Identifier: GPL-2.0-only
"""What killed processes left goes; what a live one makes or uses stays, and so does all that is behind a link."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache

from tests.unit import apart, examples
from tests.unit.commands.clean.caches import Clean, clean_apart, file, files, leftovers


def test_what_killed_processes_left_goes_and_the_rest_stays(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    left = leftovers(cache)
    done = clean()
    assert done.returncode == 0, done.stdout + done.stderr
    for path in left:
        assert f"removed {path} (" in done.stdout
        assert not path.exists()
    assert before <= files(cache.root)
    assert f"removed {len(left)} things, 10.0 kB" in done.stdout


def test_a_dry_run_only_tells(cache: Cache, clean: Clean) -> None:
    left = leftovers(cache)
    before = files(cache.root)
    done = clean("--dry-run")
    assert done.returncode == 0
    assert f"would remove {left[0]} (" in done.stdout
    assert files(cache.root) == before
    assert "would remove" in clean("--dry-run", "--all").stdout
    assert files(cache.root) == before


def test_what_a_live_process_is_making_is_kept(cache: Cache, clean: Clean) -> None:
    target = tool_root.path(cache) / "lazymmu" / "modules" / "bb.ko"
    with cache.building(target, "module") as folder, cache.locked(target, "module"):
        file(folder / "half")
        done = clean()
        assert done.returncode == 0, done.stderr
        assert f"kept {folder} (" in done.stdout
        assert "somebody is making it" in done.stdout
        assert (folder / "half").exists()


def test_whole_entries_are_kept_while_another_uses_the_cache(cache: Cache) -> None:
    old = file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    left = leftovers(cache)
    with cache_lock.shared(cache.root, lambda: pytest.fail("nobody has it alone")):
        done = clean_apart()
    assert done.returncode == 0, done.stderr
    assert f"process {os.getpid()} uses the cache" in done.stdout
    assert old.exists()
    assert not left[0].exists()
    # A compiler's temporary file is under nobody's lock.
    assert left[-1].exists()


def test_a_run_waits_for_a_clean_and_says_so(cache: Cache) -> None:
    said = []
    with cache_lock.alone(cache.root) as alone:
        assert alone
        command = apart.command("setup", "--offline")
        with subprocess.Popen(command, env=apart.environment(), stderr=subprocess.PIPE, text=True) as waiting:
            try:
                assert waiting.stderr is not None
                said.append(waiting.stderr.readline())
                assert waiting.poll() is None
            finally:
                waiting.kill()
    assert "waiting for lazymmu clean" in said[0]


def test_nothing_behind_a_symbolic_link_is_touched(cache: Cache, home: Path, clean: Clean) -> None:
    outside = home / "outside"
    inside = [
        file(outside / "bb.build" / "half"),
        file(outside / "short.ko"),
        file(outside / "0123.abcd.partial" / "half"),
    ]
    modules = tool_root.path(cache) / "lazymmu" / "modules"
    (modules / "aa.ko").unlink()
    modules.rmdir()
    modules.symlink_to(outside)
    (cache.root / "roots" / "0123").symlink_to(outside)
    (cache.root / "downloads").symlink_to(outside)
    done = clean()
    assert all(path.exists() for path in inside), done.stdout
    assert f"kept {modules}: a symbolic link" in done.stdout
    # The link itself is an entry that nothing refers to.
    assert not (cache.root / "roots" / "0123").is_symlink()
    assert clean("--all").returncode == 0
    assert all(path.exists() for path in inside)


def test_a_cache_folder_that_is_itself_a_link_is_cleaned(cache: Cache, home: Path, clean: Clean) -> None:
    left = leftovers(cache)
    cache.root.rename(home / "elsewhere")
    cache.root.symlink_to(home / "elsewhere")
    assert clean().returncode == 0
    assert not any((home / "elsewhere" / path.relative_to(cache.root)).exists() for path in left)
    assert cache.root.is_symlink()


def test_what_cannot_be_removed_is_told_with_status_3(cache: Cache) -> None:
    left = leftovers(cache)
    folder = left[0]
    folder.chmod(0o500)
    try:
        done = clean_apart(prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"kept {folder} (" in done.stdout
    assert "Permission denied" in done.stdout
    assert not left[1].exists()


def test_without_a_cache_there_is_nothing_to_remove(home: Path, clean: Clean) -> None:
    for flags in ([], ["--all"], ["--dry-run"]):
        done = clean(*flags)
        assert (done.returncode, done.stdout) == (0, "nothing to remove\n")
    assert not (home / "cache").exists()
