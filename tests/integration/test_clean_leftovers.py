# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` removes leftovers of killed processes. It follows no link, and waits for live processes."""

from pathlib import Path

from lazymmu.provision.cache import Cache

from tests.integration.caches import Clean, file, files, leftovers, root_of


def test_leftovers_of_killed_processes_go_and_the_rest_stays(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    left = leftovers(cache)
    beside = files(cache.root)
    assert f"would remove {left[0]} (" in clean("--dry-run").stdout
    assert "would remove" in clean("--dry-run", "--all").stdout
    assert files(cache.root) == beside
    done = clean()
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"removed {path} (" in done.stdout for path in left)
    assert not any(path.exists() for path in left)
    assert before <= files(cache.root)
    assert f"removed {len(left)} things, 6.0 kB" in done.stdout


def test_nothing_behind_a_symbolic_link_is_removed(cache: Cache, home: Path, clean: Clean) -> None:
    outside = home / "outside"
    inside = [file(outside / "short.ko"), file(outside / "0123.abcd.partial" / "half")]
    modules = root_of(cache) / "lazymmu" / "modules"
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
