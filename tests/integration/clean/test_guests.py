# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` ends a guest whose harness was killed. A guest of a live harness keeps the cache."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.doctor.processes import Emulator, emulators
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache

from tests.unit.commands.clean.caches import Clean, file


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
    command = [sys.executable, "-c", harness, *guest(tool_root.path(cache) / "lazymmu" / "kernels" / "x")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None and process.stderr.readline() == "begun\n"
        process.wait()
        (found,) = emulators(cache.root)
        # It ends at the latest when this closes its standard input.
        yield found


def test_a_guest_whose_harness_was_killed_is_ended(cache: Cache, orphan: Emulator, clean: Clean) -> None:
    with cache_lock.shared(cache.root, lambda: None):
        assert "another process uses the cache" in clean().stdout
    assert f"would end qemu-system-s390x, process {orphan.pid}" in clean("--dry-run").stdout
    assert emulators(cache.root) == [orphan]
    assert f"ended qemu-system-s390x, process {orphan.pid}" in clean().stdout
    assert emulators(cache.root) == []


def test_a_guest_of_a_live_harness_keeps_the_cache(cache: Cache, clean: Clean) -> None:
    old = file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    with subprocess.Popen(guest(old), executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # Until then its command line may be empty.
        assert process.stdout and process.stdout.readline() == b"begun\n"
        assert [found.pid for found in emulators(cache.root)] == [process.pid]
        with cache_lock.shared(cache.root, lambda: None):
            assert "another process uses the cache" in clean().stdout
            assert clean("--all").returncode == 3
        assert process.poll() is None
        assert old.exists()
    assert emulators(cache.root) == []
