# SPDX-License-Identifier: GPL-2.0-only
"""Every command in the README runs and ends as the README says; every link in the documents leads somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.guest.conftest import Lazymmu

README = (ROOT / "README.md").read_text()
# These are run by this very test run, by tests/guest/test_run.py, and by tests/guest/test_doctor.py.
ELSEWHERE = ("./lazymmu test", "./lazymmu run", "./lazymmu run --api all --json results.json", "./lazymmu doctor")


def commands() -> Iterator[tuple[str, int]]:
    """Yield each command of the README's sh blocks with the exit status that its comment gives (else 0)."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            command, _, comment = line.partition("#")
            yield command.strip(), int(comment.split()[-1]) if comment else 0


@pytest.fixture
def reader(broken: Callable[..., Lazymmu], tmp_path: Path) -> Lazymmu:
    """A checkout in which the README's example files were saved."""
    lazymmu = broken({})
    for name, text in re.findall(r"Save this as `([^`]+)`:\n\n```yaml\n(.*?)```", README, re.DOTALL):
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return lazymmu


@pytest.mark.parametrize(("command", "status"), [pair for pair in commands() if pair[0] not in ELSEWHERE])
def test_a_command_of_the_readme_ends_as_it_says(reader: Lazymmu, command: str, status: int) -> None:
    program, *arguments = shlex.split(command)
    assert program == "./lazymmu"
    done = reader(*arguments)
    assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.parametrize("document", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target
