# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` ends a guest whose harness was killed. A guest of a live harness keeps the cache."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.doctor.processes import Emulator, emulators
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.support.project import ROOT

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
        if found.owner is not None:
            pytest.skip("this host hands orphans to a Python, which may be a harness")
        # It ends at the latest when this closes its standard input.
        yield found


def test_a_guest_whose_harness_was_killed_is_ended(cache: Cache, orphan: Emulator, clean: Clean) -> None:
    with cache_lock.shared(cache.root, lambda: None):
        assert f"kept qemu-system-s390x, process {orphan.pid}" in clean().stdout
    assert f"would end qemu-system-s390x, process {orphan.pid}" in clean("--dry-run").stdout
    assert emulators(cache.root) == [orphan]
    assert f"ended qemu-system-s390x, process {orphan.pid}" in clean().stdout
    assert emulators(cache.root) == []


def test_a_guest_of_a_live_harness_keeps_the_cache(cache: Cache, clean: Clean) -> None:
    old = file(cache.root / "roots" / "0123" / "usr" / "bin" / "tool")
    with subprocess.Popen(guest(old), executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # Until then its command line may be empty.
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
    if shutil.which("bwrap") is None or subprocess.run([*box, "true"], check=False).returncode != 0:
        pytest.skip("a harness as process 1 needs bubblewrap and namespaces")
    harness = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from lazymmu.doctor.processes import emulators\n"
        "with subprocess.Popen(sys.argv[2:], executable='/bin/sh', stdin=subprocess.PIPE,\n"
        "                      stdout=subprocess.PIPE) as guest:\n"
        "    guest.stdout.readline()\n"
        "    print(os.getpid(), [one.owner for one in emulators(Path(sys.argv[1]))])\n"
    )
    command = [*box, sys.executable, "-c", harness, str(cache.root), *guest(cache.root / "roots" / "x")]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == "1 [1]\n"
