# SPDX-License-Identifier: GPL-2.0-only
"""Guests are restored from snapshots, with their own time and random numbers. A bad snapshot costs no run."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from lazymmu.guests import snapshot
from lazymmu.guests.snapshot_store import SNAPSHOT_NEEDS
from lazymmu.provision import checksum
from lazymmu.provision.keys import default_root
from lazymmu.support.deadline import Deadline
from msgspec.structs import replace

from tests.disks import small
from tests.guest import machines
from tests.guest.checkouts import appended, checkout_with
from tests.soak.interrupts import Playground

WITH_MODULE, PLAIN = "with the module", "without the module"
_REJECTED = "does not load, so it is saved again"
_DAMAGED = "is damaged: its SHA-256 is not "
_SOON = 20.0
# How far a guest's clock may be off (seconds).
_CLOCK = 3.0


def _time(read: Callable[[str], bytes]) -> float:
    """Return the guest's time: the time of its boot, and how long ago that is."""
    booted = re.search(rb"^btime ([0-9]+)$", read("/proc/stat"), re.MULTILINE)
    assert booted
    return int(booted[1]) + float(read("/proc/uptime").split()[0])


@pytest.mark.parametrize("arch", machines.ARCHES)
def test_restored_guests_have_their_own_random_numbers_and_the_right_time(arch: str) -> None:
    machine = machines.machine(arch)
    steps: list[str] = []
    numbers = set()
    for _ in range(2):
        with machines.ready(machine, steps.append) as connection:
            read = partial(connection.read, deadline=Deadline.after(_SOON))
            numbers.add(read("/proc/sys/kernel/random/uuid"))
            assert abs(_time(read) - time.time()) < _CLOCK
            assert connection.release == machine.kernel.release.release
    assert len(numbers) == 2
    assert steps.count("restoring") == 2
    assert steps[-1] == "running"


def snapshots(arch: str, kernel: str = "lts") -> tuple[Path, Path]:
    """Return the snapshots of a machine in the real cache, without the module and with it, after saving them."""
    # The module may be new in this run of the tests.
    machine = replace(machines.machine(arch, kernel), built_before=True)
    plain, with_module = snapshot.path(machine.boot), snapshot.path(machine.boot, machine.module)
    with machines.ready(machine):
        pass
    if not plain.exists():
        # It was removed as old. Only a machine with other parameters needs it.
        with machines.ready(replace(machine, built_before=False, parameters=" ")):
            pass
    return plain, with_module


@pytest.mark.parametrize(
    ("arch", "kernel"),
    [
        *((arch, "lts") for arch in machines.ARCHES),
        *(pytest.param(arch, "current", marks=pytest.mark.exhaustive) for arch in ("arm64", "x86_64")),
    ],
)
def test_a_snapshot_is_small(arch: str, kernel: str) -> None:
    for file in snapshots(arch, kernel):
        # 64 MB of memory, so 2^20 bytes each.
        assert file.stat().st_blocks * 512 <= 64 << 20


def test_the_use_of_a_snapshot_sets_the_access_time_of_both() -> None:
    both = snapshots("s390x")
    modified = [file.stat().st_mtime_ns for file in both]
    for file, at in zip(both, modified, strict=True):
        os.utime(file, ns=(1, at))
    snapshots("s390x")
    assert all(time.time() - file.stat().st_atime < 600 for file in both)
    assert [file.stat().st_mtime_ns for file in both] == modified


@pytest.fixture
def playground(request: pytest.FixtureRequest, tmp_path: Path) -> Playground:
    """A copy of the cache with one snapshot of s390x, which may be damaged: the plain one unless the test says so."""
    plain, with_module = snapshots("s390x")
    playground = Playground(tmp_path / "playground", ["s390x"])
    copied = with_module if getattr(request, "param", PLAIN) == WITH_MODULE else plain
    # The others are hard links to the real cache. Of other machines there are none, since another test may remove
    # them from the real cache, and each would then be the only link.
    for path in playground.cache.glob("roots/*/lazymmu/snapshots/*.snapshot"):
        if path.name not in (plain.name, with_module.name):
            path.unlink()
    for path in (copied, checksum.beside(copied)):
        copy = playground.cache / path.relative_to(default_root())
        copy.unlink()
        subprocess.run(["cp", "--sparse=always", str(path), str(copy)], check=True)
    if copied == plain:
        (playground.cache / with_module.relative_to(default_root())).unlink()
    return playground


def run(playground: Playground, before: Sequence[str] = ()) -> str:
    """Run one scenario on s390x; return what it wrote."""
    status, output = playground.run(before=before)
    assert status == 0, output
    return output


def copied_snapshot(playground: Playground) -> Path:
    """Return the one snapshot of the playground that is not a link to the real cache's."""
    files = playground.cache.glob("roots/*/lazymmu/snapshots/*.snapshot")
    (file,) = (path for path in files if path.stat().st_nlink == 1)
    return file


def _cut(file: Path, _: Path) -> None:
    with file.open("rb+") as opened:
        opened.truncate(file.stat().st_size - 1)


def _overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("rb+") as opened:
        opened.seek(offset)
        opened.write(data)


def _damage_state(file: Path, _: Path) -> None:
    """Overwrite the state of the devices, which follows the memory."""
    _overwrite(file, 192 << 20, bytes(4096))


def _damage_memory_before_a_boot(file: Path, _: Path) -> None:
    """Change a byte, and let the host have booted since the file was read."""
    _overwrite(file, 150 << 20, b"\1")
    beside = checksum.beside(file)
    beside.write_text(re.sub(r"in boot \S+", "in boot an-earlier-one", beside.read_text()))


def _replace_by_another(file: Path, other: Path) -> None:
    """Replace it by the snapshot of another QEMU, with a right checksum."""
    shutil.copyfile(other, file)
    checksum.write(file, checksum.beside(file))


@pytest.mark.parametrize(
    ("playground", "damage", "message"),
    [
        pytest.param(PLAIN, _cut, "is damaged: it has", marks=pytest.mark.exhaustive),
        (WITH_MODULE, _cut, "is damaged: it has"),
        pytest.param(PLAIN, _damage_state, _REJECTED, marks=pytest.mark.exhaustive),
        pytest.param(WITH_MODULE, _damage_state, _REJECTED, marks=pytest.mark.exhaustive),
        pytest.param(PLAIN, _damage_memory_before_a_boot, _DAMAGED, marks=pytest.mark.exhaustive),
        pytest.param(WITH_MODULE, _damage_memory_before_a_boot, _DAMAGED, marks=pytest.mark.exhaustive),
        # To save the plain one again takes a boot.
        pytest.param(PLAIN, _replace_by_another, _REJECTED, marks=pytest.mark.exhaustive),
        (WITH_MODULE, _replace_by_another, _REJECTED),
    ],
    indirect=["playground"],
)
def test_a_bad_snapshot_is_reported_and_saved_again(
    playground: Playground, damage: Callable[[Path, Path], None], message: str
) -> None:
    damage(copied_snapshot(playground), snapshots("arm64")[0])
    assert run(playground).count(message) == 1
    assert " snapshot" not in run(playground)


@pytest.mark.parametrize("playground", [WITH_MODULE], indirect=True)
def test_a_failing_guest_is_trusted_only_if_its_snapshot_is_undamaged(playground: Playground) -> None:
    file = copied_snapshot(playground)
    # The kernel does not check the text of the module.
    places = [match.start() for match in re.finditer(b"outstanding", file.read_bytes())]
    assert places
    for place in places:
        _overwrite(file, place, b"outstamping")
    assert run(playground).count(_DAMAGED) == 1


@pytest.mark.parametrize(
    ("size", "checked", "message"),
    [
        ("64m", True, f"{SNAPSHOT_NEEDS // 1_000_000} MB"),
        # Too small for the memory; for the state, which QEMU writes; for the part of the memory that is not zero.
        pytest.param("64m", False, "no space left in ", marks=pytest.mark.exhaustive),
        pytest.param(
            "196612k", False, "QEMU could not save s390x: .*: No space left on device", marks=pytest.mark.exhaustive
        ),
        pytest.param("215m", False, "no space left in ", marks=pytest.mark.exhaustive),
    ],
)
def test_a_run_needs_no_room_for_a_snapshot(
    playground: Playground, tmp_path: Path, size: str, checked: bool, message: str
) -> None:
    before = small(copied_snapshot(playground).parent, size)
    if not checked:
        # A run that checks the free space does not begin to save one.
        unchecked = appended("harness/lazymmu/guests/snapshot_store.py", "SNAPSHOT_NEEDS = 1\n")
        before = ["env", f"PYTHONPATH={checkout_with([unchecked], tmp_path / 'checkout') / 'harness'}", *before]
    stderr = run(playground, before=before)
    assert stderr.count("no snapshot can be kept, so guests boot") == 1, stderr
    assert re.search(message, stderr), stderr
    assert playground.left() == []


@pytest.mark.exhaustive
def test_old_snapshots_are_removed_when_one_is_saved(playground: Playground) -> None:
    file = copied_snapshot(playground)
    folder = file.parent
    # Another test may have been saving one when the cache was copied.
    shutil.rmtree(folder)
    folder.mkdir()
    for number in range(3):
        old = folder / f"{number:016x}.snapshot"
        old.write_bytes(b"old")
        checksum.write(old, checksum.beside(old))
        os.utime(old, (1e9 + number, 1e9 + number))
    run(playground)
    assert file.exists()
    assert not list(folder.glob("0000*"))


def test_the_snapshot_with_the_module_is_saved_only_if_the_module_was_built_before() -> None:
    machine = machines.machine("s390x")
    # The kernel ignores what follows a module.
    changed = replace(machine, module=machine.module + bytes(16))
    file = snapshot.path(machine.boot, changed.module)
    steps: list[str] = []
    try:
        for built_before in (False, True, True):
            with machines.ready(replace(changed, built_before=built_before), steps.append) as connection:
                address = connection.read("/sys/module/lazymmu/sections/.text", Deadline.after(_SOON))
            assert file.exists() == built_before
        assert steps.count("saving a snapshot") == 1
        assert snapshot.module_address(file) == int(address, 16)
    finally:
        file.unlink(missing_ok=True)
        checksum.beside(file).unlink(missing_ok=True)


@pytest.mark.parametrize("playground", [WITH_MODULE], indirect=True)
def test_missing_symbols_are_read_from_the_guest(playground: Playground) -> None:
    folder = playground.cache / "symbols"
    shutil.rmtree(folder)
    run(playground)
    (file,) = (path for path in folder.iterdir() if path.suffix != checksum.SUFFIX)
    assert re.search(rb" [Tt] start_kernel\n", file.read_bytes())
