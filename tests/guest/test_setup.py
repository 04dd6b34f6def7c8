# SPDX-License-Identifier: GPL-2.0-only
"""Runs on hosts without a network or namespaces, and on architectures outside the default run."""

import os
from pathlib import Path

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.progress import Progress

from tests.guest.conftest import Lazymmu


@pytest.fixture
def without_bubblewrap(tmp_path: Path) -> str:
    """A PATH with everything of this host but bwrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for part in reversed(os.environ["PATH"].split(":")):
        for path in Path(part).glob("*"):
            (folder / path.name).unlink(missing_ok=True)
            (folder / path.name).symlink_to(path)
    (folder / "bwrap").unlink(missing_ok=True)
    return str(folder)


def test_a_mirror_that_does_not_answer_is_an_error_with_its_reason(lazymmu: Lazymmu, tmp_path: Path) -> None:
    nowhere = {"XDG_CACHE_HOME": str(tmp_path / "empty"), "LAZYMMU_MIRROR": "http://127.0.0.1:9/debian"}
    done = lazymmu("setup", extra=nowhere)
    assert done.returncode == 3
    assert "127.0.0.1" in done.stderr
    assert "LAZYMMU_MIRROR" in done.stderr
    left = [path for path in (tmp_path / "empty" / "lazymmu").rglob("*") if path.name.endswith(".partial")]
    assert left == []


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
def test_without_namespaces_root_runs_guests_by_chroot(lazymmu: Lazymmu, without_bubblewrap: str) -> None:
    done = lazymmu("run", "nesting/single", extra={"PATH": without_bubblewrap})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 pass" in done.stdout
    setup = lazymmu("setup", "--offline", extra={"PATH": without_bubblewrap})
    assert "run by chroot" in setup.stderr
    # A chroot has no /proc, and objtool does not work without this line of it.
    assert "[stack]" in (tool_root.path(Cache(default_root(), Progress())) / "proc/self/maps").read_text()


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", [arch for arch in architectures() if arch not in default_names()])
def test_an_architecture_outside_the_default_run_runs_the_library(lazymmu: Lazymmu, arch: str) -> None:
    done, document = lazymmu.run("--arch", arch, "--transport", "ssh", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {result["arch"] for result in document["results"]} == {arch}
