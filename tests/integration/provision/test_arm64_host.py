# SPDX-License-Identifier: GPL-2.0-only
"""Tool roots for hosts of arm64, whose programs Debian's qemu-user runs here (package qemu-user-static)."""

import shutil
import subprocess

import pytest
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.packages import Fetching
from lazymmu.provision.progress import Progress

EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
PROGRAMS = {
    "arm64": ("aarch64-linux-gnu-gcc", "qemu-system-aarch64", "make"),
    "s390x": ("s390x-linux-gnu-gcc", "qemu-system-s390x", "make"),
    "x86_64": ("x86_64-linux-gnu-gcc", "qemu-system-x86_64", "make"),
}


@pytest.mark.exhaustive
@pytest.mark.skipif(EMULATOR is None, reason="needs qemu-user-static")
@pytest.mark.parametrize("arch", PROGRAMS)
def test_programs_for_hosts_of_arm64_start(tmp_path_factory: pytest.TempPathFactory, arch: str) -> None:
    cache = Cache(tmp_path_factory.getbasetemp() / "arm64", Progress())
    part = tool_root.part(cache, arch, "arm64")
    assert part is not None
    Fetching(cache.root, [part], arch, cache.progress, cache.tools.stopped).wait(part.packages)
    root = tool_root.assemble(cache, part)
    for program in PROGRAMS[arch]:
        command = [str(EMULATOR), "-L", str(root), str(root / "usr/bin" / program), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout
