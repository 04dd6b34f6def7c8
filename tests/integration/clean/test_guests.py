# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose harness was killed is ended; one whose harness lives is not, and keeps the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.doctor.processes import emulators
from lazymmu.provision import cache_lock, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.support.project import ROOT

from tests.unit.commands.clean.caches import Clean, file


@pytest.fixture
def orphan(cache: Cache) -> Iterator[int]:
    """A process with the command line of a guest of this cache, whose parent is gone."""
    guest = ["qemu-system-s390x", "-c", "read x", "-kernel", str(tool_root.path(cache) / "lazymmu" / "kernels" / "x")]
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
    with cache_lock.shared(cache.root, lambda: None):
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
    if (
        shutil.which("bwrap") is None
        or subprocess.run([*box, "true"], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("a harness as process 1 needs bubblewrap and namespaces")
    guest = ["qemu-system-s390x", "-c", "echo; read x", str(cache.root / "roots" / "x")]
    guest += ["-device", "virtserialport,chardev=channel,name=lazymmu"]
    harness = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from lazymmu.doctor.processes import emulators\n"
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
