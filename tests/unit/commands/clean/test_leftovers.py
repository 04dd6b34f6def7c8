# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` removes leftovers of killed processes. It follows no link, and waits for live processes."""

from pathlib import Path

import pytest
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache

from tests.unit.commands.clean.caches import Clean, file, files, leftovers


def test_leftovers_of_killed_processes_go_and_the_rest_stays(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    left = leftovers(cache)
    done = clean()
    assert done.returncode == 0, done.stdout + done.stderr
    for path in left:
        assert f"removed {path} (" in done.stdout
        assert not path.exists()
    assert before <= files(cache.root)
    assert f"removed {len(left)} things, 6.0 kB" in done.stdout


def test_a_dry_run_removes_nothing(cache: Cache, clean: Clean) -> None:
    left = leftovers(cache)
    before = files(cache.root)
    done = clean("--dry-run")
    assert done.returncode == 0
    assert f"would remove {left[0]} (" in done.stdout
    assert "would remove" in clean("--dry-run", "--all").stdout
    assert files(cache.root) == before


def test_everything_is_kept_while_another_process_uses_the_cache(cache: Cache, clean: Clean) -> None:
    file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    leftovers(cache)
    before = files(cache.root)
    with cache_lock.shared(cache.root, lambda: pytest.fail("no other process has it alone")):
        done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stderr
    assert "another process uses the cache: everything is kept until it ends" in done.stdout


def test_nothing_behind_a_symbolic_link_is_removed(cache: Cache, home: Path, clean: Clean) -> None:
    outside = home / "outside"
    inside = [file(outside / "short.ko"), file(outside / "0123.abcd.partial" / "half")]
    modules = tool_root.path(cache) / "lazymmu" / "modules"
    for path in modules.iterdir():
        path.unlink()
    modules.rmdir()
    modules.symlink_to(outside)
    (cache.root / "roots" / "0123").symlink_to(outside)
    (cache.root / "symbols").symlink_to(outside)
    cache.sweep()
    done = clean()
    assert all(path.exists() for path in inside), done.stdout
    assert f"kept {modules}: a symbolic link" in done.stdout
    # The link itself is an entry that nothing mentions.
    assert not (cache.root / "roots" / "0123").is_symlink()
    assert clean("--all").returncode == 0
    assert all(path.exists() for path in inside)


def test_a_cache_folder_that_is_a_link_is_cleaned(cache: Cache, home: Path, clean: Clean) -> None:
    left = leftovers(cache)
    cache.root.rename(home / "elsewhere")
    cache.root.symlink_to(home / "elsewhere")
    cache.sweep()
    assert not (home / "elsewhere" / left[0].relative_to(cache.root)).exists()
    assert clean().returncode == 0
    assert not any((home / "elsewhere" / path.relative_to(cache.root)).exists() for path in left)
    assert cache.root.is_symlink()


def test_without_a_cache_there_is_nothing_to_remove(home: Path, clean: Clean) -> None:
    for flags in ([], ["--all"], ["--dry-run"]):
        done = clean(*flags)
        assert (done.returncode, done.stdout) == (0, "nothing to remove\n")
    assert not (home / "cache").exists()
