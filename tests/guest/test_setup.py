# SPDX-License-Identifier: GPL-2.0-only
"""Runs on hosts without namespaces, and on architectures outside the default run."""

import os
from pathlib import Path

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
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


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
def test_without_namespaces_root_runs_guests_by_chroot(lazymmu: Lazymmu, without_bubblewrap: str) -> None:
    done = lazymmu("run", "nesting/single", extra={"PATH": without_bubblewrap})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 pass" in done.stdout
    setup = lazymmu("setup", "--offline", extra={"PATH": without_bubblewrap})
    assert "run by chroot" in setup.stderr
    # A chroot has no /proc, and objtool does not work without this line of it.
    root = tool_root.path(Cache(default_root(), Progress()), "arm64")
    assert "[stack]" in (root / "proc/self/maps").read_text()


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", [arch for arch in architectures() if arch not in default_names()])
def test_an_architecture_outside_the_default_run_runs_the_library(lazymmu: Lazymmu, arch: str) -> None:
    done, document = lazymmu.run("--arch", arch, "--transport", "ssh", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {result["arch"] for result in document["results"]} == {arch}
