# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu gdb` stops before the step, in the function that performs it, and says what went wrong."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from lazymmu.architecture import architectures

from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES

# gdb is not among what everybody fetches.
pytestmark = pytest.mark.exhaustive
_CASE = "nesting/two-levels", "--arch", "arm64"


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each command a folder for its socket, and see that it leaves nothing there."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    assert [*folder.iterdir()] == []


def script(tmp_path: Path, text: str) -> str:
    file = tmp_path / "commands.gdb"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("arch", architectures())
def test_a_script_sees_function_source_and_variables_of_a_step(arch: str, lazymmu: Lazymmu, tmp_path: Path) -> None:
    commands = script(tmp_path, 'list\nprintf "begun %u of %u\\n", steps_begun, run->program.nr_steps\n')
    done = lazymmu("gdb", "nesting/two-levels", "--arch", arch, "--at", "2", "--gdb-command", commands)
    assert done.returncode == 0, done.stderr
    # riscv64's first instruction is of a function that is inlined.
    assert re.search(r"^#[01] +merged_disable \(run=0x[0-9a-f]+\) at api_merged.c:\d+$", done.stdout, re.MULTILINE)
    assert "static void merged_disable(struct lmm_run *run)" in done.stdout
    assert "begun 3 of 6" in done.stdout


def test_the_status_tells_a_failed_command_a_step_that_is_never_reached_and_a_dead_guest(
    lazymmu: Lazymmu, tmp_path: Path
) -> None:
    wrong = script(tmp_path, "print no_such_variable\n")
    assert lazymmu("gdb", *_CASE, "--at", "1", "--gdb-command", wrong).returncode == 1
    done = lazymmu("gdb", "misuse/resume-turns-the-mode-off", "--arch", "arm64", "--at", "3", "--gdb-command", wrong)
    assert (done.returncode, "the run ended and never reached step 3" in done.stderr) == (2, True)
    jump = script(tmp_path, "set $pc = 0\ncontinue\n")
    done = lazymmu("gdb", *_CASE, "--at", "1", "--gdb-command", jump)
    assert (done.returncode, "the guest died: NULL pointer dereference" in done.stderr) == (3, True)


@pytest.mark.parametrize("arch", ARCHES)
def test_debug_information_of_debians_kernel_names_its_functions(lazymmu: Lazymmu, tmp_path: Path, arch: str) -> None:
    commands, case = script(tmp_path, "backtrace\n"), "nesting/two-levels"
    done = lazymmu("gdb", case, "--arch", arch, "--at", "2", "--debug-info", "--gdb-command", commands)
    assert done.returncode == 0, done.stderr
    assert re.search(r"task_thread \(data=.* kthread \(.* at kthread\.c:\d+\n.* ret_from_fork", done.stdout, re.DOTALL)


def at_prompt(lazymmu: Lazymmu) -> "pexpect.spawn[str]":
    """Start gdb at a terminal, and wait for its prompt."""
    command, *words = lazymmu.command("gdb", *_CASE, "--at", "1")
    environment = {**lazymmu.environment(), "TMPDIR": os.environ["TMPDIR"], "TERM": "dumb"}
    terminal = pexpect.spawn(command, words, env=environment, encoding="utf-8", timeout=240)
    terminal.expect(r"merged_enable \(.*\(gdb\) ")
    return terminal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_no_socket_is_left_by_a_command_that_a_signal_ends(lazymmu: Lazymmu, number: int) -> None:
    terminal = at_prompt(lazymmu)
    (socket,) = Path(os.environ["TMPDIR"]).glob("*/stub")
    assert socket.parent.stat().st_mode & 0o077 == 0
    terminal.kill(number)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130


def test_ctrl_c_stops_the_guest_and_not_the_command(lazymmu: Lazymmu) -> None:
    terminal = at_prompt(lazymmu)
    terminal.sendline("continue")
    terminal.expect_exact("Continuing.")
    terminal.sendintr()
    terminal.expect(r"SIGINT.*\(gdb\) ")
    terminal.sendline("quit")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
