# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a process: readers that go away, pipes, links, and terminals that lack a letter."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from lazymmu.cli import main

from tests.unit import apart, examples


@pytest.fixture
def path(tmp_path: Path) -> str:
    examples.scenario(tmp_path, "description: caf\u00e9\nsteps: [enable]\n")
    return str(tmp_path / "example.yaml")


def test_json_is_written_into_a_pipe_and_through_a_link_and_leaves_them_what_they_are(
    path: str, tmp_path: Path
) -> None:
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real.json"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            assert main(["predict", path, "--json", str(pipe)]) == 0
            assert json.loads(reader.communicate(timeout=10)[0])["schema"] == 1
        finally:
            reader.kill()
    link.symlink_to(real)
    assert main(["predict", path, "--json", str(link)]) == 0
    assert (pipe.is_fifo(), link.is_symlink(), real.is_file()) == (True, True, True)


def test_a_reader_that_goes_away_does_not_change_the_status() -> None:
    script = f"{shlex.join(apart.command('list'))} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], env=apart.environment(), capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0", "")


def test_a_letter_that_the_terminal_lacks_is_escaped(path: str) -> None:
    environment = apart.environment(PYTHONIOENCODING="ascii")
    done = subprocess.run(apart.command("list", path), env=environment, capture_output=True, text=True, check=True)
    assert "caf\\xe9" in done.stdout
