# SPDX-License-Identifier: GPL-2.0-only
"""Set-up on a host without mmdebstrap, apt and dpkg: a script that refuses is in the place of their programs."""

import shutil
import subprocess
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.disks import replaced
from tests.integration.provision.archive import ARCH, Mirror, debian, every, write_lock
from tests.package import TRACKED
from tests.unit import apart

PROGRAMS = ("mmdebstrap", "debootstrap", "apt", "apt-*", "dpkg", "dpkg-*")


@pytest.fixture
def called(tmp_path: Path) -> Path:
    """A file with the programs that were called."""
    (tmp_path / "called").touch()
    return tmp_path / "called"


@pytest.fixture
def elsewhere(tmp_path: Path, called: Path) -> list[str]:
    """The start of a command line on such a host."""
    script = tmp_path / "refuse"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >>{called}\nexit 1\n')
    script.chmod(0o755)
    files = {file.resolve() for name in PROGRAMS for file in Path("/usr/bin").glob(name)}
    prefix = replaced(script, *files)
    for file in files:
        assert subprocess.run([*prefix, str(file)], check=False).returncode == 1
    assert called.read_text() == "".join(f"{file} \n" for file in files)
    called.write_text("")
    return prefix


def test_setup_fetches_and_unpacks(elsewhere: list[str], called: Path, mirror: Mirror) -> None:
    locked = debian(mirror)
    write_lock(mirror, locked)
    command = [*elsewhere, *apart.command("setup", "--arch", ARCH)]
    done = subprocess.run(command, env=apart.environment(), capture_output=True, text=True, check=False)
    # There is no compiler among these packages.
    assert (done.returncode, f"fetched 0 MB for {ARCH}" in done.stderr) == (3, True), done.stderr
    assert mirror.unpacked(every(locked)) == every(locked)
    assert called.read_text() == ""


@pytest.mark.exhaustive
def test_the_first_run_in_a_new_checkout_passes(elsewhere: list[str], called: Path, tmp_path: Path) -> None:
    for name in TRACKED:
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CACHE", "STATE")}
    command = [*elsewhere, str(tmp_path / "checkout/lazymmu"), "run", "nesting/single", "--arch", ARCH]
    done = subprocess.run(command, env=apart.environment(**folders), capture_output=True, text=True, check=False)
    assert (done.returncode, " 0 fail, 0 error" in done.stdout) == (0, True), done.stdout + done.stderr
    assert called.read_text() == ""
