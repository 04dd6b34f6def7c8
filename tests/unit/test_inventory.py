# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` removes what is left over or beyond a limit, and nothing that is needed, in use, or outside."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.project import ROOT
from harness.doctor.processes import emulators
from harness.images import checksum, inuse, toolroot
from harness.images.cache import Cache
from harness.images.integrity import damage, elf
from harness.images.inventory import KINDS, Entry, Limit, beyond, matches
from harness.images.progress import Progress
from harness.images.pruning import inventory
from tests.unit import examples

Clean = Callable[..., subprocess.CompletedProcess[str]]

_DAY = 86_400
_MODULES = next(kind.limit.entries or 0 for kind in KINDS if kind.name == "modules")
RELEASE = "6.12.1-arm64"
LOCKED = {
    "arm64": {
        "release": RELEASE,
        "version": "6.12.1-1",
        "packages": [f"linux-headers-{RELEASE}:arm64=6.12.1-1", "linux-kbuild-6.12.1:amd64=6.12.1-1"],
    }
}


def module(path: Path, machine: int = 183, size: int = 128) -> Path:
    """Make an ELF file of a machine, with one section header at byte 64."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 1, machine, 1, 0, 0, 64, 0, 64, 0, 0, 64, 1, 0)
    )
    path.write_bytes((header + bytes(64))[:size])
    return path


def file(path: Path, data: bytes = b"x" * 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def cache(home: Path) -> Cache:
    """A cache with a tool root, a locked kernel in it, and builds; everything in it is needed."""
    cache = Cache(home / "cache" / "lazymmu", Progress())
    root = toolroot.path(cache)
    file(root / "usr" / "bin" / "tool")
    file(root / "lazymmu" / "kernels" / f"{RELEASE}_6.12.1-1.vmlinuz")
    file(root / "usr" / "src" / f"linux-headers-{RELEASE}" / "Makefile")
    file(root / "usr" / "lib" / "linux-kbuild-6.12.1" / "fixdep")
    file(root / "lazymmu" / "archives" / "aa.cpio", b"070701" + b"TRAILER!!!")
    module(root / "lazymmu" / "modules" / "aa.ko")
    file(cache.root / "kvm" / "aa", b"null")
    file(cache.root / "kernels" / "lts.json", json.dumps(LOCKED).encode())
    return cache


def clean_apart(*flags: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [*prefix, sys.executable, "-P", "-m", "harness.cli", "clean", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def clean(capsys: pytest.CaptureFixture[str]) -> Clean:
    """Return a function that runs the command and returns how it ended."""

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        status = main(["clean", *flags])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(flags, status, said.out, said.err)

    return run


def files(folder: Path) -> set[str]:
    """Return everything below a folder but the lock files of entries."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "locks" not in path.parts}


def test_a_cache_of_needed_things_is_left_as_it_is(cache: Cache, clean: Clean) -> None:
    before = files(cache.root)
    done = clean()
    assert (done.returncode, files(cache.root)) == (0, before), done.stdout + done.stderr
    assert "nothing to remove" in done.stdout


def leftovers(cache: Cache) -> list[Path]:
    root = toolroot.path(cache)
    return [
        file(cache.root / "roots" / "0123.abcd.partial" / "usr" / "half").parents[1],
        file(cache.root / "kernels" / "lts.abcd.partial" / "debs" / "half").parents[1],
        file(root / "lazymmu" / "unpacked.abcd.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.ko.abcd.partial" / "work" / "half").parents[1],
        # Of earlier versions.
        file(root / "lazymmu" / "unpack.partial" / "half").parent,
        file(root / "lazymmu" / "modules" / "bb.build" / "half").parent,
        file(root / "lazymmu" / "archives" / "bb.build" / "half").parent,
        file(cache.root / "kernels" / "lts.partial"),
        file(cache.root / "downloads" / "lts" / "half").parent,
        file(root / "tmp" / "cc1234.s"),
    ]


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
    target = toolroot.path(cache) / "lazymmu" / "modules" / "bb.ko"
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
    with inuse.shared(cache.root, lambda: pytest.fail("nobody has it alone")):
        done = clean_apart()
    assert done.returncode == 0, done.stderr
    assert f"process {os.getpid()} uses the cache" in done.stdout
    assert old.exists()
    assert not left[0].exists()
    # A compiler's temporary file is under nobody's lock.
    assert left[-1].exists()


def test_a_run_waits_for_a_clean_and_says_so(cache: Cache) -> None:
    said = []
    with inuse.alone(cache.root) as alone:
        assert alone
        command = [sys.executable, "-P", "-m", "harness.cli", "setup", "--offline"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as waiting:
            try:
                assert waiting.stderr is not None
                said.append(waiting.stderr.readline())
                assert waiting.poll() is None
            finally:
                waiting.kill()
    assert "waiting for lazymmu clean" in said[0]


def test_what_no_recipe_or_lock_refers_to_goes(cache: Cache, clean: Clean) -> None:
    root = toolroot.path(cache)
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
    image = file(toolroot.path(cache) / "lazymmu" / "kernels" / "6.11.0_6.11.0-1.vmlinuz")
    (cache.root / "kernels" / "lts.json").write_text("{")
    assert clean().returncode == 0
    assert image.exists()


def test_builds_beyond_their_limit_go_those_used_last_stay(cache: Cache, clean: Clean) -> None:
    store = toolroot.path(cache) / "lazymmu" / "modules"
    now = time.time()
    for number in range(_MODULES + 4):
        path = module(store / f"{number:04}.ko")
        os.utime(path, (now - number, now - number))
    (store / "aa.ko").unlink()
    assert clean().returncode == 0
    assert sorted(path.name for path in store.iterdir()) == [f"{number:04}.ko" for number in range(_MODULES)]


def test_old_and_damaged_builds_go(cache: Cache, clean: Clean) -> None:
    store = toolroot.path(cache) / "lazymmu"
    old = module(store / "modules" / "old.ko")
    os.utime(old, (time.time() - 31 * _DAY,) * 2)
    going = [old, module(store / "modules" / "short.ko", size=100), file(store / "archives" / "bb.cpio", b"070701")]
    done = clean()
    assert not any(path.exists() for path in going)
    assert "not used for 30 days" in done.stdout
    assert "is cut short" in done.stdout
    assert (store / "modules" / "aa.ko").exists()


def entry(number: int, size: int = 10) -> Entry:
    return Entry(Path(str(number)), size, 1000.0 * _DAY - number * _DAY)


def test_limits_keep_what_was_used_last() -> None:
    entries = [entry(number) for number in range(5)]
    now = 1000.0 * _DAY

    def names(limit: Limit) -> list[str]:
        return [removal.path.name for removal in beyond(entries, limit, now)]

    assert names(Limit()) == []
    assert names(Limit(entries=2)) == ["2", "3", "4"]
    assert names(Limit(size=30)) == ["3", "4"]
    assert names(Limit(size=29)) == ["2", "3", "4"]
    assert names(Limit(days=3)) == ["4"]
    assert str(Limit(entries=2, size=64_000_000, days=3)) == "2 entries, 64.0 MB, 3 days"


def test_nothing_behind_a_symbolic_link_is_touched(cache: Cache, home: Path, clean: Clean) -> None:
    outside = home / "outside"
    inside = [
        file(outside / "bb.build" / "half"),
        file(outside / "short.ko"),
        file(outside / "0123.abcd.partial" / "half"),
    ]
    modules = toolroot.path(cache) / "lazymmu" / "modules"
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
    with inuse.shared(cache.root, lambda: None):
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
    with inuse.entries_locked(folder, (), files=(folder / "20260101-000001.000-1" / ".lock",)):
        done = clean()
    names = sorted(path.name[13:15] for path in folder.glob("2026*"))
    assert names == ["01", *(f"{number:02}" for number in range(4, 24))], done.stdout
    assert "its run is under way" in done.stdout
    assert other.exists()


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


def test_sizes_count_nothing_twice(cache: Cache) -> None:
    stock = inventory(cache)
    assert stock.size("tool roots") == 1000
    assert stock.size("headers") == 2000
    every = sum(path.stat().st_size for path in cache.root.rglob("*") if path.is_file())
    assert stock.total() == every


def test_patterns_do_not_follow_links_and_say_so(tmp_path: Path) -> None:
    file(tmp_path / "a" / "x" / "one")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    unseen: set[Path] = set()
    assert list(matches(tmp_path, "*/x/*", unseen)) == [tmp_path / "a" / "x" / "one"]
    assert unseen == {tmp_path / "b"}


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (module, None),
        (lambda path: module(path, machine=22), "is for s390x, not for arm64"),
        (lambda path: module(path, machine=40), "is for another machine, not for arm64"),
        (lambda path: module(path, size=127), "is cut short"),
        (lambda path: module(path, size=10), "is not an ELF file"),
        (lambda path: file(path, b""), "is not an ELF file"),
    ],
)
def test_a_module_is_looked_at(tmp_path: Path, make: Callable[[Path], Path], wrong: str | None) -> None:
    assert elf(make(tmp_path / "x.ko"), "arm64") == wrong


def test_what_went_meanwhile_is_not_damaged(tmp_path: Path) -> None:
    assert damage("modules", tmp_path / "gone.ko") is None
    assert damage("kernels", file(tmp_path / "a.vmlinuz", b"")) == "is empty"
    assert damage("KVM answers", file(tmp_path / "a", b"")) is not None


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"0000000000000000 A fixed_percpu_data\nffff800080000000 t x.0\t[lazymmu]\n", None),
        (b"", "is empty"),
        (b"ffff800080000000 T _text\nffff8000", "is damaged: line 2 is no symbol"),
        (b"ffff800080000000 T _text\n" + bytes(100), "is damaged: line 2 is no symbol"),
        (b"_text\n", "is damaged: line 1 is no symbol"),
    ],
)
def test_symbols_are_looked_at(tmp_path: Path, data: bytes, wrong: str | None) -> None:
    assert damage("symbols", file(tmp_path / "a", data)) == wrong


def digested(path: Path) -> Path:
    """Give an entry its digest; return it."""
    checksum.write(path, checksum.beside(path))
    return path


def test_digests_stay_with_their_entries_and_go_with_them(cache: Cache, clean: Clean) -> None:
    store = toolroot.path(cache) / "lazymmu"
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


@pytest.fixture
def orphan(cache: Cache) -> Iterator[int]:
    """A process with the command line of a guest of this cache, whose parent is gone."""
    guest = ["qemu-system-s390x", "-c", "read x", "-kernel", str(toolroot.path(cache) / "lazymmu" / "kernels" / "x")]
    guest += ["-device", "virtserialport,chardev=channel,name=lazymmu"]
    harness = (
        "import subprocess, sys\n"
        "print(subprocess.Popen(sys.argv[1:], executable='/bin/sh', stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "sys.stdin.read(0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", harness, *guest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.wait()
        # It ends at the latest when this closes its standard input.
        yield pid


def test_a_guest_whose_harness_was_killed_is_ended(cache: Cache, orphan: int, clean: Clean) -> None:
    (found,) = emulators(cache.root)
    assert found.pid == orphan
    parent = int(Path(f"/proc/{orphan}/stat").read_text().rpartition(")")[2].split()[1])
    program = subprocess.run(["readlink", f"/proc/{parent}/exe"], stdout=subprocess.PIPE, text=True, check=False).stdout
    if Path(program).name.startswith("python"):
        pytest.skip(f"this host hands orphans to a Python (process {parent}), which may be a harness")
    assert found.owner is None
    assert f"would end qemu-system-s390x, process {orphan}" in clean("--dry-run").stdout
    assert emulators(cache.root) == [found]
    assert f"ended qemu-system-s390x, process {orphan}" in clean().stdout
    assert emulators(cache.root) == []


def test_an_orphan_is_not_ended_while_somebody_uses_the_cache(cache: Cache, orphan: int, clean: Clean) -> None:
    (found,) = emulators(cache.root)
    if found.owner is not None:
        pytest.skip("this host hands orphans to a Python, which may be a harness")
    with inuse.shared(cache.root, lambda: None):
        done = clean()
    assert f"kept qemu-system-s390x, process {orphan}" in done.stdout
    assert emulators(cache.root) == [found]


def test_a_guest_of_a_live_harness_keeps_the_cache(cache: Cache, clean: Clean) -> None:
    old = file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    script = "echo begun; read x"
    guest = ["qemu-system-s390x", "-c", script, str(old), "-device", "virtserialport,chardev=channel,name=lazymmu"]
    with subprocess.Popen(guest, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # Before that, its command line may still be empty.
        assert process.stdout and process.stdout.readline() == b"begun\n"
        (found,) = emulators(cache.root)
        assert (found.pid, found.owner) == (process.pid, os.getpid())
        assert f"process {os.getpid()} uses the cache" in clean().stdout
        assert clean("--all").returncode == 3
        assert process.poll() is None
        assert old.exists()
    assert emulators(cache.root) == []


def test_a_guest_of_a_harness_that_is_process_1_is_not_an_orphan(cache: Cache) -> None:
    box = ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--as-pid-1", "--proc", "/proc", "--"]
    if subprocess.run([*box, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a harness as process 1 needs bubblewrap and namespaces")
    guest = ["qemu-system-s390x", "-c", "echo; read x", str(cache.root / "roots" / "x")]
    guest += ["-device", "virtserialport,chardev=channel,name=lazymmu"]
    harness = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from harness.doctor.processes import emulators\n"
        "with subprocess.Popen(sys.argv[2:], executable='/bin/sh', stdin=subprocess.PIPE,\n"
        "                      stdout=subprocess.PIPE) as guest:\n"
        "    guest.stdout.readline()\n"
        "    print(os.getpid(), [one.owner for one in emulators(Path(sys.argv[1]))])\n"
    )
    done = subprocess.run(
        [*box, sys.executable, "-c", harness, str(cache.root), *guest],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "1 [1]\n"
