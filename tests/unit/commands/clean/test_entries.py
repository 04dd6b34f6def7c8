# SPDX-License-Identifier: GPL-2.0-only
"""Complete entries that `lazymmu clean` removes: unmentioned, damaged, over their limit, or all of them."""

import os
import time
from pathlib import Path

from filelock import FileLock
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_entries import Entry
from lazymmu.provision.cache_kind import Limit, kinds

from tests.unit.commands.clean.caches import RELEASE, Clean, entry, file, files, leftovers

_DAY = 86_400
_MODULES = kinds()["modules"].limit.entries or 0


def test_a_cache_of_needed_things_stays_as_it_is(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stdout + done.stderr
    assert "nothing to remove" in done.stdout


def test_entries_that_no_recipe_or_lock_file_mentions_go(cache: Cache, clean: Clean) -> None:
    root = tool_root.path(cache)
    before = files(cache.root)
    unneeded = [
        entry(cache.root / "roots" / "0123" / "lazymmu" / "modules" / "aa.ko").parents[2],
        entry(root / "lazymmu" / "kernels" / f"{RELEASE}_6.12.1-0.vmlinuz"),
        file(root / "usr" / "src" / "linux-headers-6.11.0" / "Makefile").parent,
        file(root / "usr" / "lib" / "linux-kbuild-6.11.0" / "fixdep").parent,
    ]
    done = clean()
    assert done.returncode == 0, done.stderr
    assert files(cache.root) == before, done.stdout
    assert all(f"removed {path} (" in done.stdout for path in unneeded)


def test_a_tool_root_of_an_architecture_outside_the_default_run_stays(cache: Cache, clean: Clean) -> None:
    tool = file(tool_root.path(cache, "riscv64") / "usr" / "bin" / "tool")
    clean()
    assert tool.exists()


def test_with_a_damaged_lock_file_every_kernel_stays(cache: Cache, clean: Clean) -> None:
    image = entry(tool_root.path(cache) / "lazymmu" / "kernels" / "6.11.0_6.11.0-1.vmlinuz")
    (cache.root / "kernels" / "lts.json").write_text("{")
    assert clean().returncode == 0
    assert image.exists()


def test_of_builds_over_their_limit_those_used_last_stay(cache: Cache, clean: Clean) -> None:
    store = tool_root.path(cache) / "lazymmu" / "modules"
    now = time.time()
    for number in range(_MODULES + 4):
        os.utime(entry(store / f"{number:04}.ko"), (now - number, now - number))
    (store / "aa.ko").unlink()
    assert clean().returncode == 0
    assert sorted(path.name for path in store.glob("*.ko")) == [f"{number:04}.ko" for number in range(_MODULES)]


def test_old_and_damaged_builds_go_with_their_checksums(cache: Cache, clean: Clean) -> None:
    store = tool_root.path(cache) / "lazymmu" / "modules"
    before = files(cache.root)
    old, changed, unknown = entry(store / "old.ko"), entry(store / "changed.ko"), file(store / "unknown.ko")
    os.utime(old, (time.time() - 31 * _DAY,) * 2)
    changed.write_bytes(b"y" + changed.read_bytes()[1:])
    done = clean()
    assert files(cache.root) == before
    for path, why in ((old, "not used for 30 days"), (changed, "is damaged: "), (unknown, "has no SHA-256 beside it")):
        assert any(str(path) in line and why in line for line in done.stdout.splitlines()), done.stdout


def test_all_removes_what_the_harness_made_and_nothing_else(cache: Cache, home: Path, clean: Clean) -> None:
    leftovers(cache)
    mine = file(cache.root / "notes.txt")
    run = file(home / "state" / "lazymmu" / "runs" / "20260101-000000.000-1" / "run.json", b"{}").parent
    done = clean("--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(cache.root.iterdir()) == [mine]
    assert not run.exists()


def test_all_is_refused_while_another_process_uses_the_cache(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    with cache_lock.shared(cache.root, lambda: None):
        done = clean("--all")
    assert done.returncode == 3
    assert "is used by another process" in done.stderr
    assert files(cache.root) == before


def test_the_last_twenty_results_and_those_in_progress_stay(home: Path, clean: Clean) -> None:
    folder = home / "state" / "lazymmu" / "runs"
    for number in range(24):
        file(folder / f"20260101-0000{number:02}.000-1" / "run.json", b"{}")
    file(folder / "20260101-000001.000-1" / ".lock", b"")
    other = file(folder / "000-notes" / "text")
    with FileLock(folder / "20260101-000001.000-1" / ".lock"):
        done = clean()
    names = sorted(path.name[13:15] for path in folder.glob("2026*"))
    assert names == ["01", *(f"{number:02}" for number in range(4, 24))], done.stdout
    assert "its run is in progress" in done.stdout
    assert other.exists()


def test_limits_keep_the_entries_used_last() -> None:
    now = 1000.0 * _DAY
    entries = [Entry(Path(str(number)), 10, now - number * _DAY) for number in range(5)]

    def names(limit: Limit) -> list[str]:
        return [removal.path.name for removal in limit.over(entries, now)]

    assert names(Limit()) == []
    assert names(Limit(entries=2)) == ["2", "3", "4"]
    assert names(Limit(size=30)) == ["3", "4"]
    assert names(Limit(size=29)) == ["2", "3", "4"]
    assert names(Limit(days=3)) == ["4"]
    assert str(Limit(entries=2, size=64_000_000, days=3)) == "2 entries, 64.0 MB, 3 days"
