# SPDX-License-Identifier: GPL-2.0-only
"""Complete entries that `lazymmu clean` removes: unmentioned, damaged, over their limit, or all of them."""

import os
import time
from pathlib import Path

from filelock import FileLock
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents, Entry, Limit, kinds

from tests.integration.caches import Clean, entry, file, files, leftovers, root_of, users_lock

_DAY = 86_400
_MODULES = kinds()["modules"].limit.entries or 0


def old(path: Path, days: int) -> Path:
    """Let an entry be used last so many days ago."""
    os.utime(path, (time.time() - days * _DAY,) * 2)
    return path


def test_a_cache_of_needed_things_stays_as_it_is(cache: Cache, clean: Clean) -> None:
    # A root outside the default run is needed, too.
    file(tool_root.path(cache, "riscv64") / "usr" / "bin" / "tool")
    before = files(cache.root)
    done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stdout + done.stderr
    assert "nothing to remove" in done.stdout


def test_what_is_unmentioned_old_or_damaged_goes(cache: Cache, clean: Clean) -> None:
    root, before = root_of(cache), files(cache.root)
    unneeded = [
        entry(cache.root / "roots" / "0123" / "lazymmu" / "modules" / "aa.ko").parents[2],
        file(cache.root / "packages" / "0123" / "usr" / "bin" / "tool").parents[2],
        entry(root / "lazymmu" / "kernels" / "6.11.0_6.11.0-1.vmlinuz"),
        file(root / "usr" / "src" / "linux-headers-6.11.0" / "Makefile").parent,
        file(root / "usr" / "lib" / "linux-kbuild-6.11.0" / "fixdep").parent,
    ]
    reasons = dict.fromkeys(unneeded, "mention") | {unneeded[0]: "its packages are not those that guests use now"}
    reasons[old(file(cache.root / "downloads" / "0123.deb"), 8)] = "not used for 7 days"
    modules = root / "lazymmu" / "modules"
    reasons[old(entry(modules / "old.ko"), 31)] = "not used for 30 days"
    reasons[file(modules / "unknown.ko")] = "has no SHA-256 beside it"
    changed = entry(modules / "changed.ko")
    changed.write_bytes(b"y" + changed.read_bytes()[1:])
    reasons[changed] = "is damaged: "
    done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stdout + done.stderr
    for path, why in reasons.items():
        assert any(f"removed {path} (" in line and why in line for line in done.stdout.splitlines()), done.stdout


def test_with_a_damaged_lock_every_kernel_stays(cache: Cache, clean: Clean) -> None:
    image = entry(root_of(cache) / "lazymmu" / "kernels" / "6.11.0_6.11.0-1.vmlinuz")
    users_lock(cache).write_text("{")
    assert clean().returncode == 0
    assert image.exists()


def test_a_file_with_two_names_counts_once(cache: Cache) -> None:
    held = CacheContents.read(cache)
    unpacked = next((cache.root / "packages").glob("*/fixdep"))
    assert held.entries["packages"][0].size == 500
    assert [entry.path.name for entry in held.entries["versions"]] == ["shell.json", "lts.resolutions"]
    unpacked.unlink()
    assert CacheContents.read(cache).total() == held.total()


def test_of_builds_over_their_limit_those_used_last_stay(cache: Cache, clean: Clean) -> None:
    store = root_of(cache) / "lazymmu" / "modules"
    now = time.time()
    for number in range(_MODULES + 4):
        os.utime(entry(store / f"{number:04}.ko"), (now - number, now - number))
    (store / "aa.ko").unlink()
    assert clean().returncode == 0
    assert sorted(path.name for path in store.glob("*.ko")) == [f"{number:04}.ko" for number in range(_MODULES)]


def test_all_removes_what_the_harness_made_and_nothing_else(cache: Cache, home: Path, clean: Clean) -> None:
    leftovers(cache)
    mine = file(cache.root / "notes.txt")
    run = file(home / "state" / "lazymmu" / "runs" / "20260101-000000.000-1" / "run.json", b"{}").parent
    before = files(cache.root)
    with cache.shared():
        done = clean("--all")
    assert (done.returncode, files(cache.root)) == (3, before)
    assert "is used by another process" in done.stderr
    done = clean("--all")
    assert (done.returncode, list(cache.root.iterdir())) == (0, [mine]), done.stdout + done.stderr
    assert not run.exists()


def test_the_last_twenty_results_and_those_in_progress_stay(home: Path, clean: Clean) -> None:
    folder = home / "state" / "lazymmu" / "runs"
    for number in range(24):
        file(folder / f"20260101-0000{number:02}.000-1" / "run.json", b"{}")
    other = file(folder / "000-notes" / "text")
    with FileLock(file(folder / "20260101-000001.000-1" / ".lock", b"")):
        done = clean()
    names = sorted(path.name[13:15] for path in folder.glob("2026*"))
    assert names == ["01", *(f"{number:02}" for number in range(4, 24))], done.stdout
    assert "its run is in progress" in done.stdout
    assert other.exists()


def test_limits_keep_the_entries_used_last() -> None:
    now = 1000.0 * _DAY
    entries = [Entry(Path(str(number)), 10, now - number * _DAY) for number in range(5)]
    for limit, gone in {
        Limit(): [],
        Limit(entries=2): ["2", "3", "4"],
        Limit(size=30): ["3", "4"],
        Limit(size=29): ["2", "3", "4"],
        Limit(days=3): ["4"],
    }.items():
        assert [removal.path.name for removal in limit.over(entries, now)] == gone
    assert str(Limit(entries=2, size=64_000_000, days=3)) == "2 entries, 64.0 MB, 3 days"
