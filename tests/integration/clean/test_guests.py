# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` ends a guest whose harness was killed. A guest of a live harness keeps the cache."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.doctor.processes import Emulator, emulators
from lazymmu.provision.cache import Cache

from tests.unit.commands.clean.caches import Clean, file, root_of


def guest(file: Path) -> list[str]:
    """Return a command line of a guest of this cache, for a shell that prints a line and waits."""
    device = "virtserialport,chardev=channel,name=lazymmu"
    return ["qemu-system-s390x", "-c", "echo begun; read x", "-kernel", str(file), "-device", device]


@pytest.fixture
def orphan(cache: Cache) -> Iterator[Emulator]:
    """A guest whose harness is gone."""
    harness = (
        "import subprocess, sys\n"
        "subprocess.Popen(sys.argv[1:], executable='/bin/sh', stdout=sys.stderr)\n"
        "sys.stdin.read(0)\n"
    )
    command = [sys.executable, "-c", harness, *guest(root_of(cache) / "lazymmu" / "kernels" / "x")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None and process.stderr.readline() == "begun\n"
        process.wait()
        (found,) = emulators(cache.root)
        # It ends at the latest when this closes its standard input.
        yield found


def test_a_guest_is_ended_if_its_harness_was_killed(cache: Cache, orphan: Emulator, clean: Clean) -> None:
    old = file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    # A live harness holds the lock.
    with cache.shared():
        assert "another process uses the cache: everything is kept until it ends" in clean().stdout
        assert clean("--all").returncode == 3
    assert f"would end qemu-system-s390x, process {orphan.pid}" in clean("--dry-run").stdout
    assert emulators(cache.root) == [orphan]
    assert old.exists()
    assert f"ended qemu-system-s390x, process {orphan.pid}" in clean().stdout
    assert emulators(cache.root) == []
