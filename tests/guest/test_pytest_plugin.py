# SPDX-License-Identifier: GPL-2.0-only
"""pytest with the plug-in on real guests: verdicts, one guest for each machine, and none that stays."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lazymmu.support.project import LIBRARY, ROOT

from tests.guest.conftest import Lazymmu
from tests.guest.processes import gone, wait_for_qemus

PAGE = (ROOT / "docs" / "how-to" / "pytest.md").read_text()
WRONG = "description: x\nvary: {some: [1, 2]}\nsteps:\n  - enable\n  - check: {depth: $some}\n  - disable\n"
PYTEST = [sys.executable, "-P", "-m", "pytest", "-p", "lazymmu.pytest_plugin", "-p", "no:cacheprovider"]
TWO = ("--lazymmu", "--lazymmu-arch", "arm64,s390x", "--lazymmu-api", "merged")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with scenarios: one of the library, and one whose first case passes and whose second fails."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "levels.yaml").write_text((LIBRARY / "nesting" / "two-levels.yaml").read_text())
    return folder


def run(lazymmu: Lazymmu, project: Path, *words: str) -> tuple[int, str]:
    """Run pytest in the project; return its exit status and output."""
    command = [*PYTEST, *words]
    done = subprocess.run(command, cwd=project, env=lazymmu.environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_verdicts_are_those_of_the_runner_and_tests_share_its_guests(lazymmu: Lazymmu, project: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    same = "def test_same(lazymmu_guests):\n    assert lazymmu_guests('s390x') is lazymmu_guests('s390x', 'lts')\n"
    (project / "test_mine.py").write_text(f"{example}\n{same}")
    status, output = run(lazymmu, project, *TWO)
    assert (status, "2 failed, 6 passed" in output) == (1, True), output
    failure = r"""_ ./wrong\[some=2\] merged on s390x _+
\./wrong\.yaml:5:5: check depth
    pinned          2
    the model says  1
\./wrong\.yaml:5:5: check depth
    pinned          2
    the guest says  1
hooks predicted el
hooks observed  el
reproduce: \S+/lazymmu run './wrong\[some=2\]' --api merged --impl module --arch s390x
"""
    assert re.search(failure, output), output
    status, output = run(lazymmu, project, *TWO, "levels.yaml::levels:merged@s390x", "-v")
    assert (status, "levels.yaml::levels:merged@s390x PASSED" in output) == (0, True), output


@pytest.mark.exhaustive
def test_with_loadgroup_each_machine_runs_in_one_process(lazymmu: Lazymmu, project: Path) -> None:
    status, output = run(lazymmu, project, *TWO, "-n", "2", "--dist", "loadgroup", "-v")
    assert (status, "2 failed, 4 passed" in output) == (1, True), output
    workers: dict[str, set[str]] = {}
    for worker, machine in re.findall(r"^\[(gw\d)\] .*@(\w+) $", output, re.MULTILINE):
        workers.setdefault(machine, set()).add(worker)
    assert [len(workers[machine]) for machine in ("arm64", "s390x")] == [1, 1], output
    assert "--dist loadgroup, one" not in output
    status, output = run(lazymmu, project, *TWO, "-n", "1", "levels.yaml")
    assert (status, output.count("lazymmu: with --dist load, each process starts guests")) == (0, 1), output


# xdist waits long for a worker that runs a test.
@pytest.mark.parametrize("words", [(), pytest.param(("-n", "1"), marks=pytest.mark.exhaustive)])
def test_an_interrupt_leaves_no_guest(lazymmu: Lazymmu, project: Path, words: tuple[str, ...]) -> None:
    steps = "[{repeat: {times: 600, steps: [{sleep: 1000}]}}]"
    (project / "wrong.yaml").write_text(f"description: x\nsteps: {steps}\n")
    process = subprocess.Popen(
        [*PYTEST, *TWO, *words, "levels.yaml", "wrong.yaml"],
        cwd=project,
        env=lazymmu.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        guests = list(wait_for_qemus(process.pid, 2).values())
        # As a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=120)[0]
    assert (process.returncode, "KeyboardInterrupt" in output) == (pytest.ExitCode.INTERRUPTED, True), output
    assert gone(guests, seconds=30)
