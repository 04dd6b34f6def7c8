# SPDX-License-Identifier: GPL-2.0-only
"""Whole entries go when nothing refers to them, when they are damaged, beyond their limit, or with --all."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lazymmu.provision import cache_lock, checksum, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.inventory import KINDS
from lazymmu.provision.pruning import inventory

from tests.unit.commands.clean.caches import RELEASE, Clean, clean_apart, file, files, leftovers, module

_DAY = 86_400
_MODULES = next(kind.limit.entries or 0 for kind in KINDS if kind.name == "modules")


def test_a_cache_of_needed_things_is_left_as_it_is(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stdout + done.stderr
    assert "nothing to remove" in done.stdout


def test_what_no_recipe_or_lock_refers_to_goes(cache: Cache, clean: Clean) -> None:
    root = tool_root.path(cache)
    before = files(cache.root)
    unneeded = [
        file(cache.root / "roots" / "0123" / "lazymmu" / "modules" / "aa.ko").parents[2],
        file(root / "lazymmu" / "kernels" / f"{RELEASE}_6.12.1-0.vmlinuz"),
        file(root / "usr" / "src" / "linux-headers-6.11.0" / "Makefile").parent,
        file(root / "usr" / "lib" / "linux-kbuild-6.11.0" / "fixdep").parent,
    ]
    done = clean()
    assert done.returncode == 0, done.stderr
    assert files(cache.root) == before, done.stdout
    assert all(f"removed {path} (" in done.stdout for path in unneeded)


def test_a_damaged_lock_file_lets_no_kernel_go(cache: Cache, clean: Clean) -> None:
    image = file(tool_root.path(cache) / "lazymmu" / "kernels" / "6.11.0_6.11.0-1.vmlinuz")
    (cache.root / "kernels" / "lts.json").write_text("{")
    assert clean().returncode == 0
    assert image.exists()


def test_builds_beyond_their_limit_go_those_used_last_stay(cache: Cache, clean: Clean) -> None:
    store = tool_root.path(cache) / "lazymmu" / "modules"
    now = time.time()
    for number in range(_MODULES + 4):
        path = module(store / f"{number:04}.ko")
        os.utime(path, (now - number, now - number))
    (store / "aa.ko").unlink()
    assert clean().returncode == 0
    assert sorted(path.name for path in store.iterdir()) == [f"{number:04}.ko" for number in range(_MODULES)]


def test_old_and_damaged_builds_go(cache: Cache, clean: Clean) -> None:
    store = tool_root.path(cache) / "lazymmu"
    old = module(store / "modules" / "old.ko")
    os.utime(old, (time.time() - 31 * _DAY,) * 2)
    going = [old, module(store / "modules" / "short.ko", size=100), file(store / "archives" / "bb.cpio", b"070701")]
    done = clean()
    assert not any(path.exists() for path in going)
    assert "not used for 30 days" in done.stdout
    assert "is cut short" in done.stdout
    assert (store / "modules" / "aa.ko").exists()


def digested(path: Path) -> Path:
    """Give an entry its digest; return it."""
    checksum.write(path, checksum.beside(path))
    return path


def test_digests_stay_with_their_entries_and_go_with_them(cache: Cache, clean: Clean) -> None:
    store = tool_root.path(cache) / "lazymmu"
    whole = [
        digested(store / "modules" / "aa.ko"),
        digested(store / "archives" / "aa.cpio"),
        digested(store / "kernels" / f"{RELEASE}_6.12.1-1.vmlinuz"),
        digested(cache.root / "kvm" / "aa"),
        digested(file(cache.root / "symbols" / "aa", b"0 T _text\n")),
    ]
    before = files(cache.root)
    assert "nothing to remove" in clean().stdout
    assert files(cache.root) == before
    stock = inventory(cache)
    assert stock.size("digests") == sum(checksum.beside(path).stat().st_size for path in whole)
    assert {entry.path for kind, found in stock.entries.items() for entry in found if kind != "digests"} >= set(whole)
    assert stock.total() == sum(path.stat().st_size for path in cache.root.rglob("*") if path.is_file())
    # A flipped bit, where no format tells.
    holed = whole[2]
    holed.write_bytes(b"y" + holed.read_bytes()[1:])
    lone = checksum.beside(whole[0])
    whole[0].unlink()
    done = clean()
    assert f"removed {holed} (" in done.stdout
    assert "is damaged: " in done.stdout
    assert f"removed {lone} (" in done.stdout
    assert before - files(cache.root) == {
        str(path.relative_to(cache.root)) for path in (holed, checksum.beside(holed), whole[0], lone)
    }


def test_all_removes_what_the_harness_made_and_nothing_else(cache: Cache, home: Path, clean: Clean) -> None:
    leftovers(cache)
    mine = file(cache.root / "notes.txt")
    run = file(home / "state" / "lazymmu" / "runs" / "20260101-000000.000-1" / "run.json", b"{}").parent
    done = clean("--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(cache.root.iterdir()) == [mine]
    assert not run.exists()


def test_all_is_refused_while_another_uses_the_cache(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    with cache_lock.shared(cache.root, lambda: None):
        done = clean_apart("--all")
    assert done.returncode == 3
    assert f"is used by process {os.getpid()}" in done.stderr
    assert files(cache.root) == before
    with cache.locked(cache.root / "kvm" / "bb", "trial"):
        done = clean("--all")
    assert done.returncode == 3
    assert ".lock)" in done.stderr
    assert files(cache.root) == before


def test_results_beyond_the_last_twenty_go_but_none_under_way(home: Path, clean: Clean) -> None:
    folder = home / "state" / "lazymmu" / "runs"
    for number in range(24):
        file(folder / f"20260101-0000{number:02}.000-1" / "run.json", b"{}")
    file(folder / "20260101-000001.000-1" / ".lock", b"")
    other = file(folder / "000-notes" / "text")
    with cache_lock.entries_locked(folder, (), files=(folder / "20260101-000001.000-1" / ".lock",)):
        done = clean()
    names = sorted(path.name[13:15] for path in folder.glob("2026*"))
    assert names == ["01", *(f"{number:02}" for number in range(4, 24))], done.stdout
    assert "its run is in progress" in done.stdout
    assert other.exists()
