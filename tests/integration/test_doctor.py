# SPDX-License-Identifier: GPL-2.0-only
"""The doctor works on a host without tools, with a full disk, or without permissions."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.disks import small
from tests.integration.doctor_outcome import Outcome, outcome
from tests.unit import apart, examples


def doctor(home: Path, prefix: Sequence[str] = (), path: str = os.environ["PATH"]) -> Outcome:
    done = apart.run(ROOT, "doctor", "--json", str(home / "doctor.json"), prefix=prefix, PATH=path)
    assert done.stderr == ""
    return outcome(home / "doctor.json", done.returncode, done.stdout)


def test_without_tools_the_doctor_names_the_packages_and_root_needs_no_bubblewrap(home: Path) -> None:
    folder = home / "bin"
    folder.mkdir()
    done = doctor(home, path=str(folder))
    assert done.blocking() == ["setpriv", "sandbox"]
    assert "apt-get install util-linux bubblewrap, dnf install" in done.text
    assert set(done.checks["sandbox"]["facts"]["failures"]) == {"bwrap", "chroot"}
    for name in ("setpriv", "sh", "unshare", "chroot", "true"):
        (folder / name).symlink_to(str(shutil.which(name)))
    sandbox = doctor(home, path=str(folder)).checks["sandbox"]
    assert sandbox["facts"]["sandbox"] == ("chroot" if os.geteuid() == 0 else None), sandbox
    assert "bwrap does not work: " in sandbox["found"]


@pytest.mark.parametrize(
    ("folder", "mode", "found", "remedy"),
    [
        ("cache/lazymmu", 0o000, "is not readable for this user", "LAZYMMU_CACHE"),
        ("cache/lazymmu", 0o500, "is not writable for this user", "LAZYMMU_CACHE"),
        ("cache/lazymmu", None, "is not a folder", "LAZYMMU_CACHE"),
        ("state/lazymmu/runs", None, "is not a folder", "--out DIR"),
        # A run can write here, but the doctor cannot count the runs. The other checks follow.
        ("state/lazymmu/runs", 0o300, "Permission denied", ""),
    ],
)
def test_a_folder_that_cannot_be_used_is_broken(
    home: Path, folder: str, mode: int | None, found: str, remedy: str
) -> None:
    path = home / folder
    path.parent.mkdir(parents=True)
    path.write_text("") if mode is None else path.mkdir(mode)
    done = doctor(home, examples.without_override())
    path.chmod(0o700)
    check = done.checks["cache" if remedy == "LAZYMMU_CACHE" else "results"]
    assert (done.status, check["state"], check["blocks"]) == (3 if remedy else 0, "broken", bool(remedy))
    assert found in check["found"]
    assert remedy in (check["next"] or "")


def test_a_full_disk_blocks_with_the_space_that_setup_needs(home: Path) -> None:
    (home / "cache").mkdir()
    disk = small(home / "cache", "40m")
    done = doctor(home, prefix=disk)
    assert done.status == 3
    check = done.checks["disk"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert check["facts"]["free"] <= 50_000_000
    # Nobody answers there, and nobody is asked.
    setup = apart.run(ROOT, "setup", prefix=disk, LAZYMMU_MIRROR="http://127.0.0.1:9/debian")
    assert f"about {-(-check['facts']['needed'] // 1_000_000)} MB are needed" in setup.stderr
