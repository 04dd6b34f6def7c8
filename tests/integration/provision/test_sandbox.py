# SPDX-License-Identifier: GPL-2.0-only
"""Folders of the host in a sandbox: what a user-built kernel is built from."""

import subprocess
from pathlib import Path

import pytest
from lazymmu.provision.sandbox import Sandbox, run


@pytest.mark.parametrize("name", ["bwrap", "chroot"])
def test_a_folder_of_the_host_is_seen_by_its_name_and_written_only_if_it_may_be(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(name, Path("/"))
    if why := run(sandbox, "/usr/bin/true")[1]:
        pytest.skip(f"{name} does not work here: {why}")
    source, out = tmp_path / "source tree", tmp_path / "out"
    for folder in (source, out):
        folder.mkdir()
        (folder / "seen").write_text(folder.name)
    script = 'cat "$1/seen" "$2/seen"; touch "$1/new"; touch "$2/new"'
    command = sandbox.command(["sh", "-c", script, "sh", str(source), str(out)], folders={source: False, out: True})
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "source treeout")
    assert "Read-only file system" in done.stderr
    assert [(folder / "new").exists() for folder in (source, out)] == [False, True]
    # The mount was the sandbox's alone.
    (source / "new").touch()
