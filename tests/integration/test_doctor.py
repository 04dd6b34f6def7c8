# SPDX-License-Identifier: GPL-2.0-only
"""The doctor works on a host without tools, with a full disk, or without permissions."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.disks import small
from tests.unit import apart, examples
from tests.unit.doctor.outcome import Outcome, outcome

pytestmark = pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="this host could not fetch")


def run(*words: str, prefix: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *apart.command(*words)],
        env=apart.environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def doctor(home: Path, *flags: str, prefix: Sequence[str] = (), **environment: str) -> Outcome:
    done = run("doctor", "--json", str(home / "doctor.json"), *flags, prefix=prefix, **environment)
    assert done.stderr == ""
    return outcome(home / "doctor.json", done.returncode, done.stdout)


def test_each_missing_tool_is_named_with_its_package(home: Path) -> None:
    (home / "bin").mkdir()
    done = doctor(home, PATH=str(home / "bin"))
    assert done.status == 3
    packages = {"mmdebstrap": "mmdebstrap", "apt-get": "apt", "dpkg-deb": "dpkg", "setpriv": "util-linux"}
    for name, package in packages.items():
        check = done.checks[name]
        assert (check["state"], check["blocks"]) == ("missing", True)
        assert check["next"].startswith(f"apt-get install {package} ")
    assert done.checks["sandbox"]["state"] == "missing"
    assert set(done.checks["sandbox"]["facts"]["failures"]) == {"bwrap", "chroot"}


@pytest.mark.skipif(os.geteuid() != 0, reason="the launcher installs for root only")
def test_a_tool_that_the_launcher_installs_does_not_block(home: Path) -> None:
    folder = home / "bin"
    folder.mkdir()
    for name in ("apt-get", "apt-cache", "dpkg-deb", "setpriv", "sh", "unshare", "chroot", "true"):
        (folder / name).symlink_to(str(shutil.which(name)))
    done = doctor(home, PATH=str(folder))
    check = done.checks["mmdebstrap"]
    assert (check["state"], check["blocks"]) == ("missing", False)
    assert "./lazymmu run installs it" in check["found"]
    sandbox = done.checks["sandbox"]
    assert sandbox["facts"]["sandbox"] == "chroot", sandbox
    assert "bwrap does not work: " in sandbox["found"]
    assert doctor(home, "--offline", PATH=str(folder)).checks["mmdebstrap"]["blocks"]


def test_a_check_that_fails_does_not_stop_the_others(home: Path) -> None:
    folder = home / "state" / "lazymmu" / "runs"
    folder.mkdir(parents=True)
    # A run can write here, but the doctor cannot count the runs.
    folder.chmod(0o300)
    try:
        done = doctor(home, prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert done.status == 0
    assert done.checks["results"]["state"] == "broken"
    assert "Permission denied" in done.checks["results"]["found"]


@pytest.mark.parametrize(("mode", "access"), [(0o000, "readable"), (0o500, "writable")])
def test_a_cache_without_permissions_blocks(home: Path, mode: int, access: str) -> None:
    folder = home / "cache" / "lazymmu"
    (folder / "kernels").mkdir(parents=True)
    folder.chmod(mode)
    try:
        done = doctor(home, prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert done.status == 3
    assert done.checks["cache"]["found"] == f"{folder} is not {access} for this user"
    assert done.checks["cache"]["blocks"]


def test_a_full_disk_blocks_with_the_space_that_setup_needs(home: Path) -> None:
    (home / "cache").mkdir()
    disk = small(home / "cache", "40m")
    done = doctor(home, prefix=disk)
    assert done.status == 3
    check = done.checks["disk"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert check["facts"]["free"] <= 50_000_000
    setup = run("setup", prefix=disk)
    assert f"about {check['facts']['needed'] // 1_000_000} MB are needed" in setup.stderr
