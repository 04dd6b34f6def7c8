# SPDX-License-Identifier: GPL-2.0-only
"""Guests are restored from snapshots, each with its own time and chance; a snapshot that is no good costs no run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from lazymmu.guests import snapshot
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.snapshot_store import SNAPSHOT_NEEDS
from lazymmu.provision import checksum
from lazymmu.provision.cache import default_root
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from msgspec.structs import replace

from tests.disks import small
from tests.guest import machines
from tests.guest.checkouts import appended, checkout_with
from tests.soak.interrupts import Playground

WITH_MODULE = "with the module"
_ANEW = "does not load, so it is saved again"
_NOT_THE_SAME = "is damaged: it has not the SHA-256"
_SOON = 20.0
# QEMU runs a guest of two processors; how far its clock may be off (seconds).
_CLOCK = 3.0


def _now(line: object, read: Callable[[str], str]) -> float:
    """Return the guest's idea of the time: when it booted by its clock, and how long ago that is."""
    booted = re.search(r"^btime ([0-9]+)$", read("/proc/stat"), re.MULTILINE)
    assert booted
    return int(booted[1]) + float(read("/proc/uptime").split()[0])


@pytest.mark.parametrize("arch", machines.ARCHES)
def test_two_restores_have_different_random_numbers_and_the_right_time(arch: str) -> None:
    machine = machines.machine(arch)
    states: list[str] = []
    supply = GuestPool(machine, RunningGuests(), states.append, restore=True)
    drawn = set()
    for _ in range(2):
        with supply.ready() as line:

            def read(path: str, line=line) -> str:  # type: ignore[no-untyped-def]
                return str(line.read(path, Deadline.after(_SOON)).decode())

            drawn.add(read("/proc/sys/kernel/random/uuid"))
            assert abs(_now(line, read) - time.time()) < _CLOCK
            assert line.release == machine.kernel.release.release
    assert len(drawn) == 2
    assert states.count("restoring") == 2
    assert states[-1] == "running"


def ready(arch: str, kernel: str = "lts") -> tuple[Path, Path]:
    """Return the snapshots of a machine in the real cache, without the module and with it, made if need be."""
    machine = machines.machine(arch, kernel)
    waiting, loaded = snapshot.path(machine.boot), snapshot.path(machine.boot, machine.module)
    # A module that this very test run built is found by the second one who asks.
    machine = replace(machine, built_before=True)
    # The first may have been dropped as old: other parameters have no snapshot with the module, and need it.
    for one in (machine, *([] if waiting.exists() else [replace(machine, built_before=False, parameters=" ")])):
        with GuestPool(one, RunningGuests(), lambda _: None, restore=True).ready():
            pass
    return waiting, loaded


@pytest.mark.parametrize(
    ("arch", "kernel"),
    [
        *((arch, "lts") for arch in machines.ARCHES),
        *(pytest.param(arch, "current", marks=pytest.mark.exhaustive) for arch in ("arm64", "x86_64")),
    ],
)
def test_a_snapshot_is_small(arch: str, kernel: str) -> None:
    for file in ready(arch, kernel):
        # MB as of memory, 2^20 bytes.
        assert file.stat().st_blocks * 512 <= 64 << 20


def test_the_use_of_a_snapshot_is_noted_and_that_of_the_one_behind_it() -> None:
    both = ready("s390x")
    changed = [file.stat().st_mtime_ns for file in both]
    for file, at in zip(both, changed, strict=True):
        os.utime(file, ns=(1, at))
    ready("s390x")
    assert all(time.time() - file.stat().st_atime < 600 for file in both)
    assert [file.stat().st_mtime_ns for file in both] == changed


@pytest.fixture
def playground(request: pytest.FixtureRequest, tmp_path: Path) -> Playground:
    """A copy of the cache, with a snapshot of s390x that may be damaged: that with the module if the test says so."""
    waiting, loaded = ready("s390x")
    playground = Playground(tmp_path / "playground")
    copied = loaded if getattr(request, "param", "") == WITH_MODULE else waiting
    # By a hard link they would be the same as those of the real cache.
    for path in (copied, checksum.beside(copied)):
        copy = playground.cache / path.relative_to(default_root())
        copy.unlink()
        subprocess.run(["cp", "--sparse=always", str(path), str(copy)], check=True)
    if copied == waiting:
        # Or guests would be restored from it.
        (playground.cache / loaded.relative_to(default_root())).unlink()
    return playground


def run(playground: Playground, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run one scenario on one architecture, whose snapshot is there before."""
    return subprocess.run(
        [*before, *playground.command(["s390x"]), *arguments],
        env=playground.environment(),
        capture_output=True,
        text=True,
        check=False,
        cwd=playground.folder,
    )


def own_snapshot(playground: Playground) -> Path:
    """Return the one snapshot of the playground that is no link to the real cache's."""
    (file,) = (
        path for path in playground.cache.glob("roots/*/lazymmu/snapshots/*.snapshot") if path.stat().st_nlink == 1
    )
    return file


def _cut(file: Path, _: Path) -> None:
    with file.open("rb+") as opened:
        opened.truncate(file.stat().st_size - 1)


def _damage_state(file: Path, _: Path) -> None:
    # Behind the memory, in what tells QEMU its devices; the length stays.
    with file.open("rb+") as opened:
        opened.seek(192 << 20)
        opened.write(bytes(4096))


def _other_boot(file: Path, _: Path) -> None:
    """Flip a bit, and let the host have booted since the file was read."""
    with file.open("rb+") as opened:
        opened.seek(150 << 20)
        opened.write(b"\1")
    beside = checksum.beside(file)
    beside.write_text(re.sub(r"in boot \S+", "in boot an-earlier-one", beside.read_text()))


def _of_another_qemu(file: Path, other: Path) -> None:
    """Put a snapshot there that another program's guest left, whole in itself."""
    shutil.copyfile(other, file)
    checksum.write(file, checksum.beside(file))


@pytest.mark.parametrize(
    ("playground", "damage", "told"),
    [
        pytest.param("without the module", _cut, "is damaged: it has", marks=pytest.mark.exhaustive),
        (WITH_MODULE, _cut, "is damaged: it has"),
        pytest.param("without the module", _damage_state, _ANEW, marks=pytest.mark.exhaustive),
        pytest.param(WITH_MODULE, _damage_state, _ANEW, marks=pytest.mark.exhaustive),
        pytest.param("without the module", _other_boot, _NOT_THE_SAME, marks=pytest.mark.exhaustive),
        pytest.param(WITH_MODULE, _other_boot, _NOT_THE_SAME, marks=pytest.mark.exhaustive),
        ("without the module", _of_another_qemu, _ANEW),
        pytest.param(WITH_MODULE, _of_another_qemu, _ANEW, marks=pytest.mark.exhaustive),
    ],
    indirect=["playground"],
)
def test_a_snapshot_that_is_no_good_is_saved_anew_and_said_so(
    playground: Playground, damage: Callable[[Path, Path], None], told: str
) -> None:
    file = own_snapshot(playground)
    damage(file, ready("arm64")[0])
    again = run(playground)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stderr.count(told) == 1, again.stderr
    # The new one is as good as the first.
    last = run(playground)
    assert last.returncode == 0
    assert "snapshot" not in last.stderr, last.stderr


@pytest.mark.parametrize("playground", [WITH_MODULE], indirect=True)
def test_a_snapshot_whose_guests_answer_wrongly_is_looked_at_before_they_are_believed(playground: Playground) -> None:
    file = own_snapshot(playground)
    # In the module's text, which no checksum of the guest's covers.
    data, word = file.read_bytes(), b"outstanding"
    places = [found.start() for found in re.finditer(re.escape(word), data)]
    assert places
    with file.open("rb+") as opened:
        for place in places:
            opened.seek(place)
            opened.write(b"outstamping")
    done = run(playground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count(_NOT_THE_SAME) == 1, done.stderr


def test_a_disk_without_room_for_a_snapshot_costs_no_run(playground: Playground) -> None:
    folder = own_snapshot(playground).parent
    done = run(playground, before=small(folder, "64m"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("no snapshot can be kept, so guests boot") == 1, done.stderr
    assert str(SNAPSHOT_NEEDS // 1_000_000) in done.stderr
    assert playground.left() == []


@pytest.mark.parametrize(
    ("size", "told"),
    [
        # Too small for the memory; for the devices' state, which QEMU writes; for what of the memory is not zero.
        pytest.param("64m", "no space left in {}", marks=pytest.mark.exhaustive),
        ("196612k", "QEMU could not save s390x: .*: No space left on device"),
        pytest.param("215m", "no space left in {}", marks=pytest.mark.exhaustive),
    ],
)
def test_a_disk_that_is_full_while_a_snapshot_is_saved_costs_no_run(
    playground: Playground, tmp_path: Path, size: str, told: str
) -> None:
    folder = own_snapshot(playground).parent
    # Who looks beforehand how much room there is would not begin.
    heedless = appended("harness/lazymmu/guests/snapshot_store.py", "SNAPSHOT_NEEDS = 1\n")
    checkout = checkout_with([heedless], tmp_path / "checkout")
    done = run(playground, before=["env", f"PYTHONPATH={checkout / 'harness'}", *small(folder, size)])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("no snapshot can be kept, so guests boot") == 1, done.stderr
    assert re.search(told.format(re.escape(str(folder))), done.stderr)
    assert playground.left() == []


def test_of_two_runs_that_start_at_once_one_saves_and_the_other_waits_and_says_so(playground: Playground) -> None:
    own_snapshot(playground).unlink()
    both = [
        subprocess.Popen(
            playground.command(["s390x"]),
            env=playground.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=playground.folder,
        )
        for _ in range(2)
    ]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    # There are two snapshots, and each run may have saved one.
    waited = sum(text.count("waiting for another lazymmu that makes the snapshot of s390x") for text in told)
    assert waited in (1, 2), told


def test_old_snapshots_go_when_one_is_saved(playground: Playground) -> None:
    file = own_snapshot(playground)
    folder = file.parent
    for path in folder.iterdir():
        # Another test may have been saving one when the cache was copied.
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for number in range(3):
        old = folder / f"{number:016x}.snapshot"
        old.write_bytes(b"old")
        checksum.write(old, checksum.beside(old))
        os.utime(old, (1e9 + number, 1e9 + number))
    assert run(playground).returncode == 0
    # All of them were last used longer ago than the limit allows.
    assert file.exists()
    assert not list(folder.glob("0000*"))


def test_a_module_gets_its_snapshot_when_it_is_found_built_and_not_before() -> None:
    machine = machines.machine("s390x")
    # The kernel does not look at what stands behind a module.
    changed = replace(machine, module=machine.module + bytes(16), built_before=False)
    own = snapshot.path(machine.boot, changed.module)
    states: list[str] = []
    try:
        for found in (False, True, True):
            with GuestPool(
                replace(changed, built_before=found), RunningGuests(), states.append, restore=True
            ).ready() as line:
                place = line.read("/sys/module/lazymmu/sections/.text", Deadline.after(_SOON))
            assert own.exists() == found
        assert states.count("saving a snapshot") == 1
        assert snapshot.module_address(own) == int(place, 16)
    finally:
        own.unlink(missing_ok=True)
        checksum.beside(own).unlink(missing_ok=True)


@pytest.mark.parametrize("playground", [WITH_MODULE], indirect=True)
def test_the_symbols_of_a_guest_are_asked_for_where_they_went_away(playground: Playground) -> None:
    folder = playground.cache / "symbols"
    shutil.rmtree(folder)
    done = run(playground)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (path for path in folder.iterdir() if path.suffix != checksum.SUFFIX)
    assert b" T start_kernel" in file.read_bytes() or b" t start_kernel" in file.read_bytes()


def test_a_fresh_boot_uses_no_snapshot_and_saves_none(playground: Playground) -> None:
    file = own_snapshot(playground)
    file.unlink()
    done = run(playground, "--fresh-boot")
    assert done.returncode == 0, done.stderr
    assert not file.exists()


def test_a_guest_that_cannot_be_told_the_time_is_refused() -> None:
    with (
        GuestPool(machines.machine("s390x"), RunningGuests(), lambda _: None, restore=True).ready() as line,
        pytest.raises(GuestError, match="could not be given the time"),
    ):
        line.send("wake", b"no time\n" + bytes(32))
        line.await_restore(Deadline.after(_SOON))
